//! What callers of a template rely on: counts, names, errors with their places, reuse.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use compose::go_template::{Limits, Map, Missing, ParseError, RenderCause, Template, Value};

fn row<'a>(pairs: &[(&'a str, &'a str)]) -> Value<'a> {
    Value::Map(pairs.iter().copied().collect::<Map<'a>>())
}

fn text(source: &str) -> Template {
    Template::parse_text("subject", source).unwrap()
}

fn parse_error(source: &str) -> ParseError {
    Template::parse_html("mail.html", source).unwrap_err()
}

#[test]
fn a_template_is_parsed_once_and_rendered_from_many_threads() {
    let template = Template::parse_html("mail", "<p>{{.name}}</p>").unwrap();
    std::thread::scope(|threads| {
        for name in ["<a>", "b", "c"] {
            let template = &template;
            threads.spawn(move || {
                let mut out = String::new();
                let data = row(&[("name", name)]);
                template
                    .render(&data, Missing::Empty, &Limits::default(), &mut out)
                    .unwrap();
                assert!(out.starts_with("<p>") && !out.contains("<a>"));
            });
        }
    });
}

#[test]
fn missing_fields_are_counted_and_named_once() {
    let template = text("{{.a}}{{.b}}{{.a}}{{index . \"c d\"}}{{.e}}{{.a.x}}");
    let data = row(&[("e", "")]);
    let mut out = String::new();
    let rendered = template
        .render(&data, Missing::Empty, &Limits::default(), &mut out)
        .unwrap();
    assert_eq!(out, "");
    assert_eq!(rendered.missing_uses, 5);
    assert_eq!(rendered.missing_names, ["a", "b", "c d"]);
}

#[test]
fn a_field_that_is_missing_in_a_subject_is_named() {
    let template = text("Hi\n{{.first}} {{.last}}");
    let mut out = String::from("kept");
    let error = template
        .render(
            &row(&[("first", "Ada")]),
            Missing::Error,
            &Limits::default(),
            &mut out,
        )
        .unwrap_err();
    assert_eq!(error.cause, RenderCause::MissingField("last".into()));
    assert_eq!(
        (error.template.as_str(), error.line, error.at.as_str()),
        ("subject", 2, ".last")
    );
    assert_eq!(
        error.to_string(),
        "template subject, line 2, at <.last>: field \"last\" is missing from the data"
    );
    assert_eq!(out, "kept");
}

#[test]
fn a_render_error_names_the_template_it_happened_in() {
    let template = text("{{define \"row\"}}\n{{len .n}}{{end}}{{template \"row\" .}}");
    let json = serde_json::json!({ "n": 5 });
    let error = template
        .render(
            &Value::from(&json),
            Missing::Empty,
            &Limits::default(),
            &mut String::new(),
        )
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "template row, line 2, at <len>: error calling len: len of type int"
    );
}

#[test]
fn parse_errors_name_template_line_and_problem() {
    let cases = [
        ("a\n{{if .x}}", 2, "unexpected EOF"),
        ("\n\n{{.x", 3, "unclosed action"),
        ("{{nosuch .x}}", 1, "function \"nosuch\" not defined"),
        ("{{$x}}", 1, "undefined variable \"$x\""),
        ("{{end}}", 1, "unexpected {{end}}"),
        ("{{if}}x{{end}}", 1, "missing value for if"),
        ("x\n<p \"{{.x}}>", 2, "\"\\\"\" in attribute name: \"\\\"\""),
        (
            "<p>\n{{if .x}}<a href=\"{{end}}",
            2,
            "{{if}} branches end in different contexts",
        ),
        ("<a href=\"", 1, "ends in a non-text context"),
        (
            "\n<a href=\"/{{if .x}}?{{end}}{{.y}}\">",
            2,
            "{{.y}} appears in an ambiguous context within a URL",
        ),
        ("{{template \"other\"}}", 1, "no such template \"other\""),
    ];
    for (source, line, problem) in cases {
        let error = parse_error(source);
        assert_eq!(
            (error.line, error.problem.as_str()),
            (line, problem),
            "{source}"
        );
        assert_eq!(
            error.to_string(),
            format!("template mail.html, line {line}: {problem}")
        );
    }
}

#[test]
fn the_fields_a_template_uses_are_known_before_it_is_rendered() {
    let source = "{{.name}} {{if .a}}{{.b.x}}{{else}}{{.c}}{{end}} {{range .list}}{{.inner}}{{$.outer}}{{end}}
        {{with .user}}{{.first}}{{template \"t\" $}}{{end}} {{template \"t\" .}} {{template \"u\" .user}}
        {{index . \"First Name\"}} {{printf \"%s\" (or .d .e)}} {{(.f).g}} {{with .}}{{.h}}{{end}}
        {{define \"t\"}}{{.in_t}}{{end}} {{define \"u\"}}{{.in_u}}{{end}} {{define \"never\"}}{{.z}}{{end}}";
    let expected = [
        "First Name",
        "a",
        "b",
        "c",
        "d",
        "e",
        "f",
        "h",
        "in_t",
        "list",
        "name",
        "outer",
        "user",
    ];
    for template in [
        Template::parse_text("m", source).unwrap(),
        Template::parse_html("m", source).unwrap(),
    ] {
        assert_eq!(template.fields().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn newer_go_is_accepted_where_it_says_more() {
    let json = serde_json::json!({ "n": 3, "u": {"x": 1}, "l": [1, 2] });
    let cases = [
        ("{{range .n}}{{.}}{{end}}", "012"),
        ("{{range $i := 2}}{{$i}}{{end}}", "01"),
        ("{{range 0}}x{{else}}none{{end}}", "none"),
        ("{{with .no}}a{{else with .u}}{{.x}}{{else}}c{{end}}", "1"),
        (
            "{{$i := 0}}{{$e := 0}}{{range $i, $e = .l}}{{end}}{{$i}}{{$e}}",
            "12",
        ),
    ];
    for (source, expected) in cases {
        let mut out = String::new();
        text(source)
            .render(
                &Value::from(&json),
                Missing::Empty,
                &Limits::default(),
                &mut out,
            )
            .unwrap();
        assert_eq!(out, expected, "{source}");
    }
}

/// Browsers end a script's line at these, so what follows is no string. (Go since 1.21.1.)
#[test]
fn html_comments_in_scripts_hide_nothing() {
    let source = "<script>a = 1 <!-- \"\n;b = {{.x}} --> '\n;c = {{.x}}</script>";
    let template = Template::parse_html("m", source).unwrap();
    let mut out = String::new();
    template
        .render(
            &row(&[("x", "v")]),
            Missing::Empty,
            &Limits::default(),
            &mut out,
        )
        .unwrap();
    assert_eq!(out, "<script>a = 1 \n;b = \"v\" \n;c = \"v\"</script>");
}
