// This file lets functions without a body compile: main.main, by linkname.
