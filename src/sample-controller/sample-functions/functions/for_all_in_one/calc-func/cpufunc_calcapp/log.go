package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

var logOutput io.Writer = os.Stderr

// logLine writes one tab separated line: time, level, place in the source, message, and the fields as JSON.
// Fields are alternating names and values.
func logLine(level, message string, fields ...any) {
	_, file, line, _ := runtime.Caller(1)
	place := fmt.Sprintf("%s/%s:%d", filepath.Base(filepath.Dir(file)), filepath.Base(file), line)
	columns := []string{time.Now().Format("2006-01-02T15:04:05.000Z0700"), level, place, message}
	pairs := []string{}
	for i := 0; i+1 < len(fields); i += 2 {
		pairs = append(pairs, fmt.Sprintf("%q: %s", fields[i], strconv.Quote(fmt.Sprint(fields[i+1]))))
	}
	if len(pairs) > 0 {
		columns = append(columns, "{"+strings.Join(pairs, ", ")+"}")
	}
	fmt.Fprintln(logOutput, strings.Join(columns, "\t"))
}
