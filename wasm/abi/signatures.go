package abi

// A Signature names parameters and results in one string: "i" is an i32, "I"
// an i64; the results follow the colon.
type Signature string

// Guest returns the functions of Module that a guest may import. What a host
// does not serve answers Unsupported, so that a chaincode that only mentions it
// can still be installed.
func Guest() map[string]Signature {
	return map[string]Signature{
		"ctx_get":         "iii:i",
		"state_get":       "iiiiii:i",
		"state_get_multi": "iiiiii:i",
		"state_hash":      "iiiiii:i",
		"state_put":       "iiiiii:i",
		"state_del":       "iiiii:i",
		"meta_get":        "iiiiiiii:i",
		"meta_put":        "iiiiiiii:i",
		"range_open":      "iiiiiiiiii:i",
		"query_open":      "iiiiiii:i",
		"history_open":    "ii:i",
		"iter_next":       "iii:i",
		"iter_meta":       "iii:i",
		"iter_close":      "i:i",
		"cc_call":         "iiiiii:i",
		"event_set":       "iiii:i",
		"response_set":    "iiiii:i",
		"result_read":     "iii:i",
		"error_read":      "ii:i",
		"log":             "iii:",
		"abort":           "ii:",
	}
}

// Preview1 returns the functions of WASI that a guest may import. A function
// that is not in this table does not exist in preview 1.
func Preview1() map[string]Signature {
	return map[string]Signature{
		"args_get":                "ii:i",
		"args_sizes_get":          "ii:i",
		"environ_get":             "ii:i",
		"environ_sizes_get":       "ii:i",
		"clock_res_get":           "ii:i",
		"clock_time_get":          "iIi:i",
		"fd_advise":               "iIIi:i",
		"fd_allocate":             "iII:i",
		"fd_close":                "i:i",
		"fd_datasync":             "i:i",
		"fd_fdstat_get":           "ii:i",
		"fd_fdstat_set_flags":     "ii:i",
		"fd_fdstat_set_rights":    "iII:i",
		"fd_filestat_get":         "ii:i",
		"fd_filestat_set_size":    "iI:i",
		"fd_filestat_set_times":   "iIIi:i",
		"fd_pread":                "iiiIi:i",
		"fd_prestat_get":          "ii:i",
		"fd_prestat_dir_name":     "iii:i",
		"fd_pwrite":               "iiiIi:i",
		"fd_read":                 "iiii:i",
		"fd_readdir":              "iiiIi:i",
		"fd_renumber":             "ii:i",
		"fd_seek":                 "iIii:i",
		"fd_sync":                 "i:i",
		"fd_tell":                 "ii:i",
		"fd_write":                "iiii:i",
		"path_create_directory":   "iii:i",
		"path_filestat_get":       "iiiii:i",
		"path_filestat_set_times": "iiiiIIi:i",
		"path_link":               "iiiiiii:i",
		"path_open":               "iiiiiIIii:i",
		"path_readlink":           "iiiiii:i",
		"path_remove_directory":   "iii:i",
		"path_rename":             "iiiiii:i",
		"path_symlink":            "iiiii:i",
		"path_unlink_file":        "iii:i",
		"poll_oneoff":             "iiii:i",
		"proc_exit":               "i:",
		"proc_raise":              "i:i",
		"random_get":              "ii:i",
		"sched_yield":             ":i",
		"sock_accept":             "iii:i",
		"sock_recv":               "iiiiii:i",
		"sock_send":               "iiiii:i",
		"sock_shutdown":           "ii:i",
	}
}

// Exports returns the functions that a guest must export.
func Exports() map[string]Signature {
	return map[string]Signature{
		ExportVersion: ":i",
		ExportInit:    ":i",
		ExportInvoke:  "i:i",
	}
}

// OptionalExports returns the functions that a guest may export, which must
// have these types if it does.
func OptionalExports() map[string]Signature {
	return map[string]Signature{
		ExportInitialize: ":",
		ExportWarmup:     ":i",
	}
}
