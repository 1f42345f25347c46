// Records what Go makes of the templates beside this folder: run `go run main.go ..` here after
// changing a case, and commit what it writes. Nothing but the standard library is used.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	html "html/template"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	text "text/template"
)

// One outcome: output if it rendered, else why not.
type outcome struct {
	Output *string `json:"output,omitempty"`
	Error  string  `json:"error,omitempty"`
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: go run main.go FOLDER")
	}
	root := os.Args[1]
	for _, file := range glob(root, "cases/*.txt") {
		recordCases(root, file)
	}
	for _, file := range glob(root, "matrix/*.json") {
		recordMatrix(root, file)
	}
	for _, folder := range glob(root, "emails/*") {
		recordEmail(folder)
	}
}

func glob(root, pattern string) []string {
	files, err := filepath.Glob(filepath.Join(root, pattern))
	check(err)
	return files
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func read(path string) string {
	content, err := os.ReadFile(path)
	check(err)
	return string(content)
}

func write(path string, value any) {
	var content bytes.Buffer
	encoder := json.NewEncoder(&content)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	check(encoder.Encode(value))
	check(os.MkdirAll(filepath.Dir(path), 0o755))
	check(os.WriteFile(path, content.Bytes(), 0o644))
}

func recorded(root, file string) string {
	stem := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	return filepath.Join(root, "recorded", stem+".json")
}

// A file of cases: "=== name", then "key: value" lines, then "---", then the template up to the
// next "===" (less its last newline).
func recordCases(root, file string) {
	standard := read(filepath.Join(root, "cases", "data.json"))
	outcomes := map[string]outcome{}
	for _, block := range strings.Split("\n"+read(file), "\n=== ")[1:] {
		head, source, found := strings.Cut(block, "\n---\n")
		if !found {
			log.Fatalf("%s: no template in %q", file, block)
		}
		lines := strings.Split(head, "\n")
		settings := map[string]string{"mode": "text", "missing": "empty", "data": standard}
		for _, line := range lines[1:] {
			key, value, _ := strings.Cut(line, ": ")
			settings[key] = value
		}
		if _, twice := outcomes[lines[0]]; twice {
			log.Fatalf("%s: two cases named %q", file, lines[0])
		}
		source = strings.TrimSuffix(source, "\n")
		outcomes[lines[0]] = render(settings["mode"], settings["missing"], source, decode(settings["data"]))
	}
	write(recorded(root, file), outcomes)
}

// A matrix: each template with each value as its field "x".
func recordMatrix(root, file string) {
	var matrix struct {
		Mode      string
		Templates []string
		Values    []json.RawMessage
	}
	check(json.Unmarshal([]byte(read(file)), &matrix))
	outcomes := map[string][]outcome{}
	for _, source := range matrix.Templates {
		for _, value := range matrix.Values {
			data := decode(`{"x":` + string(value) + `}`)
			outcomes[source] = append(outcomes[source], render(matrix.Mode, "empty", source, data))
		}
	}
	write(recorded(root, file), outcomes)
}

// A folder with a whole email: template.html, data.json (a list), and one output for each.
func recordEmail(folder string) {
	source := read(filepath.Join(folder, "template.html"))
	list, _ := decode(read(filepath.Join(folder, "data.json"))).([]any)
	for nth, data := range list {
		result := render("html", "empty", source, data)
		if result.Output == nil {
			log.Fatalf("%s: %s", folder, result.Error)
		}
		path := filepath.Join(folder, fmt.Sprintf("golden.%d.html", nth+1))
		check(os.WriteFile(path, []byte(*result.Output), 0o644))
	}
}

type template interface {
	Execute(io.Writer, any) error
}

func render(mode, missing, source string, data any) outcome {
	option := "missingkey=" + map[string]string{"empty": "default", "error": "error"}[missing]
	var parsed template
	var err error
	if mode == "html" {
		parsed, err = html.New("mail").Option(option).Parse(source)
	} else {
		parsed, err = text.New("mail").Option(option).Parse(source)
	}
	if err != nil {
		return outcome{Error: err.Error()}
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, data); err != nil {
		return outcome{Error: err.Error()}
	}
	output := out.String()
	return outcome{Output: &output}
}

// JSON with whole numbers as int, as merge data has them here.
func decode(source string) any {
	decoder := json.NewDecoder(strings.NewReader(source))
	decoder.UseNumber()
	var value any
	check(decoder.Decode(&value))
	return numbers(value)
}

func numbers(value any) any {
	switch value := value.(type) {
	case json.Number:
		if whole, err := value.Int64(); err == nil {
			return int(whole)
		}
		float, err := value.Float64()
		check(err)
		return float
	case []any:
		for i := range value {
			value[i] = numbers(value[i])
		}
	case map[string]any:
		for key := range value {
			value[key] = numbers(value[key])
		}
	}
	return value
}
