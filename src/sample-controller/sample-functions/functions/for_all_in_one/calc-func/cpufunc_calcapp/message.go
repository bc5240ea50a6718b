package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Result is what one hop computed.
type Result struct {
	Operator string
	Value    float64
}

// Request goes from hop to hop and gathers results.
type Request struct {
	Inputs  []float64
	Results []Result
}

// Response answers a request; OK says that the hop took it, not that a later hop did.
type Response struct {
	Status string
}

// String writes the request as protobuf's text format does: zero values of single fields are left out.
func (r *Request) String() string {
	words := []string{}
	for _, input := range r.Inputs {
		words = append(words, "inputs:"+number(input))
	}
	for _, result := range r.Results {
		fields := []string{}
		if result.Operator != "" {
			fields = append(fields, fmt.Sprintf("operator:%q", result.Operator))
		}
		if result.Value != 0 {
			fields = append(fields, "value:"+number(result.Value))
		}
		words = append(words, "results:{"+strings.Join(fields, " ")+"}")
	}
	return strings.Join(words, " ")
}

// String writes the response as protobuf's text format does.
func (r *Response) String() string {
	return "status:" + r.Status
}

func number(value float64) string {
	switch {
	case math.IsNaN(value):
		return "nan"
	case math.IsInf(value, 1):
		return "inf"
	case math.IsInf(value, -1):
		return "-inf"
	}
	return strconv.FormatFloat(value, 'g', -1, 64)
}
