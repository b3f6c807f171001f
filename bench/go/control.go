package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
)

// One JSON object a line behind this mark, as in child/control.ts.
const mark = "@@"

var out sync.Mutex

func tell(message interface{}) {
	text, err := json.Marshal(message)
	if err != nil {
		panic(err)
	}
	out.Lock()
	defer out.Unlock()
	fmt.Printf("%s%s\n", mark, text)
}

type line struct {
	Ask    string   `json:"ask"`
	Data   float64  `json:"data"`
	Answer measures `json:"answer"`
}

var stdin = bufio.NewReader(os.Stdin)

func nextLine() (line, bool) {
	for {
		text, err := stdin.ReadString('\n')
		if err != nil {
			return line{}, false
		}
		if !strings.HasPrefix(text, mark) {
			continue
		}
		var parsed line
		check(json.Unmarshal([]byte(text[len(mark):]), &parsed))
		return parsed, true
	}
}

// ask puts a question to the server process, by way of the parent.
func ask(question string, data float64) measures {
	tell(map[string]interface{}{"ask": question, "data": data})
	reply, ok := nextLine()
	if !ok {
		os.Exit(1)
	}
	return reply.Answer
}

type answers map[string]func(data float64) measures

// answerAll serves questions until the parent closes our stdin.
func answerAll(known answers) {
	for {
		question, ok := nextLine()
		if !ok {
			return
		}
		answer := known[question.Ask]
		if answer == nil {
			fail(fmt.Errorf("nobody answers '%s'", question.Ask))
		}
		tell(map[string]measures{"answer": answer(question.Data)})
	}
}
