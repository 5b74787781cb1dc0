package admin

import (
	"fmt"
	"io"
	"mime"
	"net/http"
)

// formFile reads the one file part, of that name, which a multipart form must
// consist of.
func formFile(w http.ResponseWriter, r *http.Request, field string) ([]byte, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return nil, fmt.Errorf("unsupported Content-Type: %v", r.Header.Values("Content-Type"))
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseMultipartForm(maxBody); err != nil {
		return nil, fmt.Errorf("cannot read form from request body: %w", err)
	}
	form := r.MultipartForm
	parts := form.File[field]
	if len(parts) == 0 {
		return nil, fmt.Errorf("form does not contains part key: %s", field)
	}
	if len(form.File) != 1 || len(parts) != 1 || len(form.Value) != 0 {
		return nil, fmt.Errorf("form contains too many parts")
	}
	f, err := parts[0].Open()
	if err != nil {
		return nil, fmt.Errorf("cannot open file part %s from request body: %w", field, err)
	}
	defer f.Close()
	raw, err := io.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("cannot read file part %s from request body: %w", field, err)
	}
	return raw, nil
}
