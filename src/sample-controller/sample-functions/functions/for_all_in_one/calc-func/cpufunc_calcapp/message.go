package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Number is a float64 that travels as JSON: as a number or, if it is none that JSON has, in quotes.
type Number float64

// Result is what one hop computed.
type Result struct {
	Operator string
	Value    Number
}

// Request goes from hop to hop and gathers results.
type Request struct {
	Inputs  []Number
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
		words = append(words, "inputs:"+input.String())
	}
	for _, result := range r.Results {
		fields := []string{}
		if result.Operator != "" {
			fields = append(fields, fmt.Sprintf("operator:%q", result.Operator))
		}
		if result.Value != 0 {
			fields = append(fields, "value:"+result.Value.String())
		}
		words = append(words, "results:{"+strings.Join(fields, " ")+"}")
	}
	return strings.Join(words, " ")
}

// String writes the response as protobuf's text format does.
func (r *Response) String() string {
	return "status:" + r.Status
}

// String writes the number as protobuf's text format does.
func (n Number) String() string {
	value := float64(n)
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

// MarshalJSON writes the number; JSON has neither infinity nor NaN.
func (n Number) MarshalJSON() ([]byte, error) {
	if value := float64(n); math.IsNaN(value) || math.IsInf(value, 0) {
		return []byte(strconv.Quote(n.String())), nil
	}
	return []byte(n.String()), nil
}

// UnmarshalJSON reads a number, in quotes or not.
func (n *Number) UnmarshalJSON(text []byte) error {
	value, err := strconv.ParseFloat(strings.Trim(string(text), `"`), 64)
	*n = Number(value)
	return err
}
