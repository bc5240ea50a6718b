package main

// operator is what one hop of the chain does with a request.
type operator struct {
	name     string
	forwards bool
	compute  func(*Request) Number
}

// operators by the word of the -operator option.
var operators = map[string]operator{
	"plus":            {"plus", true, fold(func(a, b Number) Number { return a + b })},
	"minus":           {"minus", true, fold(func(a, b Number) Number { return a - b })},
	"multiply":        {"multiply", true, fold(func(a, b Number) Number { return a * b })},
	"divide":          {"divide", true, fold(func(a, b Number) Number { return a / b })},
	"average_results": {"average", true, averageOfResults},
	"receiver":        {"receiver", false, nil},
}

// fold combines the inputs from left to right; fewer than two inputs give 0.
func fold(combine func(a, b Number) Number) func(*Request) Number {
	return func(request *Request) Number {
		if len(request.Inputs) < 2 {
			return 0
		}
		result := request.Inputs[0]
		for _, input := range request.Inputs[1:] {
			result = combine(result, input)
		}
		return result
	}
}

func averageOfResults(request *Request) Number {
	sum := Number(0)
	for _, result := range request.Results {
		sum += result.Value
	}
	return sum / Number(len(request.Results))
}

// next returns the request for the following hop: the same inputs, and one more result.
func (op operator) next(request *Request) *Request {
	results := append([]Result{}, request.Results...)
	return &Request{Inputs: request.Inputs, Results: append(results, Result{op.name, op.compute(request)})}
}
