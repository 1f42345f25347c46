//! Templates and data that mean harm: nothing leaks, nothing runs away, nothing breaks out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use compose::go_template::{
    LimitReached, Limits, Missing, RenderCause, RenderError, Template, Value,
};
use proptest::prelude::*;

const PAYLOADS: &str = include_str!("golden/go_template/hostile/payloads.txt");

/// How long a nested loop may burn. Built without optimization it may take some times as long.
const LOOP_MS: u64 = if cfg!(debug_assertions) { 500 } else { 100 };

/// When a bomb counts as endless, however busy the machine is.
const ENDLESS: Duration = Duration::from_secs(10);

/// A stack half as large as the smallest that our threads have.
const STACK_BYTES: usize = 1 << 20;

fn data(json: &str) -> Value<'_> {
    serde_json::from_str(json).unwrap()
}

fn parsed(source: &str) -> Vec<Template> {
    [
        Template::parse_text("mail", source),
        Template::parse_html("mail", source),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn render(template: &Template, data: &Value<'_>) -> Result<String, RenderError> {
    let mut out = String::new();
    template.render(data, Missing::Empty, &Limits::default(), &mut out)?;
    Ok(out)
}

/// Parses and renders on a small stack and against the clock; gives what each form came to.
fn burn(source: String, json: &'static str) -> Vec<Result<usize, RenderError>> {
    let shown: String = source.chars().take(60).collect();
    let work = move || {
        let start = Instant::now();
        let data = data(json);
        let outcomes = parsed(&source)
            .iter()
            .map(|template| render(template, &data).map(|out| out.len()))
            .collect();
        (outcomes, start.elapsed())
    };
    let thread = std::thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(work)
        .unwrap();
    let (outcomes, elapsed) = thread.join().unwrap();
    assert!(elapsed < ENDLESS, "burnt for {elapsed:?}: {shown}");
    outcomes
}

fn limit(outcome: &Result<usize, RenderError>) -> Option<LimitReached> {
    match outcome {
        Err(RenderError {
            cause: RenderCause::Limit(limit),
            ..
        }) => Some(*limit),
        _ => None,
    }
}

#[test]
fn a_hundred_injections_leak_nothing_of_the_machine() {
    let mut secrets: Vec<String> = std::env::vars()
        .map(|(_, value)| value)
        .filter(|value| value.len() >= 6)
        .collect();
    let files = ["/etc/passwd", "/etc/hostname", "/proc/version"];
    let contents = files
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok());
    secrets.extend(contents.map(|content| content.lines().next().unwrap_or_default().to_owned()));
    secrets.retain(|secret| !secret.is_empty());
    let data = data(r#"{"name":"Ada","list":[1],"map":{"k":"v"}}"#);
    let payloads: Vec<&str> = PAYLOADS
        .lines()
        .filter(|line| !line.starts_with("# "))
        .collect();
    assert!(payloads.len() >= 100, "{}", payloads.len());
    for payload in payloads {
        for template in parsed(payload) {
            let told = match render(&template, &data) {
                Ok(out) => out,
                Err(error) => error.to_string(),
            };
            let leak = secrets
                .iter()
                .find(|secret| told.contains(*secret) && !payload.contains(*secret));
            assert!(leak.is_none(), "{payload} told {leak:?}");
            assert!(
                !told.contains("0x7f") && !told.contains("0xc0"),
                "{payload} told an address"
            );
        }
    }
}

#[test]
fn the_functions_are_gos_and_no_others() {
    for name in [
        "env",
        "now",
        "include",
        "readFile",
        "exec",
        "getHostByName",
        "tpl",
        "Joined",
    ] {
        let error = Template::parse_text("mail", &format!("{{{{{name} .}}}}")).unwrap_err();
        assert_eq!(error.problem, format!("function {name:?} not defined"));
    }
}

#[test]
fn nested_loops_stop_in_time() {
    let depth = 12;
    let source = format!(
        "{}x{}",
        "{{range $.l}}".repeat(depth),
        "{{end}}".repeat(depth)
    );
    let data = data(r#"{"l":[1,2,3,4,5,6,7,8,9,10]}"#);
    for template in parsed(&source) {
        let time = || {
            let start = Instant::now();
            let error = render(&template, &data).unwrap_err();
            assert!(
                matches!(error.cause, RenderCause::Limit(LimitReached::Steps(_))),
                "{error}"
            );
            start.elapsed()
        };
        // The machine may be busy: the fastest of some tries is what it costs.
        let fastest = (0..5).map(|_| time()).min().unwrap();
        assert!(
            fastest < Duration::from_millis(LOOP_MS),
            "burnt for {fastest:?}"
        );
    }
    for outcome in burn("{{range 9223372036854775807}}{{end}}".into(), "{}") {
        assert!(
            matches!(limit(&outcome), Some(LimitReached::Steps(_))),
            "{outcome:?}"
        );
    }
}

#[test]
fn output_stops_at_its_limit_and_is_taken_back() {
    let source = format!(
        "{{{{range $.l}}}}{{{{range $.l}}}}{}{{{{end}}}}{{{{end}}}}",
        "x".repeat(50_000)
    );
    let json = serde_json::json!({ "l": vec![1; 20] });
    let list = Value::from(&json);
    for template in parsed(&source) {
        let mut out = String::from("before");
        let error = template
            .render(&list, Missing::Empty, &Limits::default(), &mut out)
            .unwrap_err();
        assert_eq!(
            error.cause,
            RenderCause::Limit(LimitReached::Output(2 << 20))
        );
        assert_eq!(out, "before");
    }
}

#[test]
fn text_that_doubles_itself_stops() {
    let source = format!(
        "{{{{$x := \"xxxxxxxx\"}}}}{}{{{{len $x}}}}",
        "{{$x = print $x $x}}".repeat(64)
    );
    for outcome in burn(source, "{}") {
        assert!(
            matches!(limit(&outcome), Some(LimitReached::Output(_))),
            "{outcome:?}"
        );
    }
}

#[test]
fn wide_directives_stop() {
    let source = format!("{{{{printf \"{}\"}}}}", "%10000000d".repeat(100));
    burn(source, "{}");
    let arguments = " 1".repeat(100);
    let source = format!("{{{{printf \"{}\"{arguments}}}}}", "%10000000d".repeat(100));
    for outcome in burn(source, "{}") {
        assert!(
            matches!(limit(&outcome), Some(LimitReached::Output(_))),
            "{outcome:?}"
        );
    }
    for outcome in burn(
        "{{printf \"%.10000000f|%.9999999e|%.9999999g\" 1.5 1.5 1.5 | len}}".into(),
        "{}",
    ) {
        assert!(limit(&outcome).is_some(), "{outcome:?}");
    }
}

#[test]
fn templates_that_call_each_other_for_ever_stop() {
    let sources = [
        "{{define \"a\"}}x{{template \"a\" .}}{{end}}{{template \"a\" .}}",
        "{{define \"a\"}}{{template \"b\" .}}{{end}}{{define \"b\"}}{{template \"a\" .}}{{end}}{{template \"a\"}}",
        "{{template \"mail\" .}}x",
        "{{define \"a\"}}{{range .l}}{{with $}}{{if .l}}{{template \"a\" .}}{{end}}{{end}}{{end}}{{end}}{{template \"a\" .}}",
    ];
    for source in sources {
        for outcome in burn(source.to_owned(), r#"{"l":[1,2,3]}"#) {
            assert!(limit(&outcome).is_some(), "{source}: {outcome:?}");
        }
    }
}

#[test]
fn a_call_at_the_limit_of_depth_still_renders() {
    let source =
        "{{define \"a\"}}({{range .}}{{template \"a\" .}}{{end}}){{end}}{{template \"a\" .l}}";
    let nested = |depth: usize| format!("{{\"l\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    let rendered = |depth: usize| {
        let json = nested(depth);
        let data = data(&json);
        parsed(source)
            .iter()
            .map(|template| render(template, &data).is_ok())
            .collect::<Vec<_>>()
    };
    assert_eq!(rendered(64), [true, true]);
    assert_eq!(rendered(65), [false, false]);
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    let deep = 100_000;
    let mut sources = vec![
        format!("{{{{{}.x{}}}}}", "(".repeat(deep), ")".repeat(deep)),
        "{{if true}}".repeat(deep),
        "{{range .l}}".repeat(deep),
        "{{with .l}}{{else}}".repeat(deep),
        format!("{{{{if 1}}}}{}{{{{end}}}}", "{{else if 1}}".repeat(deep)),
        "{{define \"a\"}}".repeat(deep),
        "{{block \"a\" .}}".repeat(deep),
        format!("{{{{.{}}}}}", ["a"; 100_000].join(".")),
        format!("{{{{.l{}}}}}", " | print".repeat(deep)),
        format!("{{{{print{}}}}}", " .l".repeat(deep)),
    ];
    for depth in [99, 100, 101] {
        sources.push(format!(
            "{}x{}",
            "{{if true}}".repeat(depth),
            "{{end}}".repeat(depth)
        ));
        sources.push(format!(
            "{{{{{}1{}}}}}",
            "(".repeat(depth),
            ")".repeat(depth)
        ));
    }
    let mut chain = String::from("{{template \"t0\" .}}");
    for nth in 0..10_000 {
        let _ = write!(
            chain,
            "{{{{define \"t{nth}\"}}}}{{{{template \"t{}\" .}}}}{{{{end}}}}",
            nth + 1
        );
    }
    sources.push(chain);
    for source in sources {
        burn(source, r#"{"l":[1]}"#);
    }
}

/// The deepest that the limits let through: each of 64 calls as nested as blocks may be.
#[test]
fn the_deepest_allowed_render_fits_the_stack() {
    for depth in [2, 5, 6, 90] {
        let source = format!(
            "{{{{define \"a\"}}}}{}{{{{template \"a\" (print (print (print .)))}}}}{}{{{{end}}}}{{{{template \"a\" 1}}}}",
            "{{with .}}".repeat(depth),
            "{{end}}".repeat(depth)
        );
        for outcome in burn(source, "{}") {
            assert!(limit(&outcome).is_some(), "{outcome:?}");
        }
    }
}

#[test]
fn a_template_that_is_hard_to_escape_is_refused_in_time() {
    let depth = 60;
    let loops = format!(
        "{}<p>x{}",
        "{{range .l}}".repeat(depth),
        "{{end}}".repeat(depth)
    );
    let empty_loops = format!(
        "{}{}",
        "{{range .l}}".repeat(depth),
        "{{end}}".repeat(depth)
    );
    let mut contexts = String::new();
    for nth in 0..40 {
        let _ = write!(
            contexts,
            "{{{{define \"t{nth}\"}}}}{{{{range .}}}}{{{{template \"t{}\" .}}}}{{{{template \"t{}\" .}}}}{{{{end}}}}{{{{end}}}}",
            nth + 1,
            nth + 1
        );
    }
    contexts.push_str(
        "{{define \"t40\"}}x{{end}}<script>{{template \"t0\" .}}</script>{{template \"t0\" .}}",
    );
    let slashes = format!("<script>{}</script>", "\"a\";'b';/c/;".repeat(20_000));
    let escapes = format!("<p style=\"a:'{}{{{{.x}}}}'\">", "\\41 ".repeat(50_000));
    let open = "<script>".to_owned() + &"</scrip".repeat(50_000);
    let angles = "<".repeat(300_000);
    for source in [loops, empty_loops, contexts, slashes, escapes, open, angles] {
        burn(source, "{}");
    }
}

#[test]
fn half_a_character_is_never_written() {
    let data = data(r#"{"x":"é🎉"}"#);
    for source in [
        "{{slice .x 0 1}}",
        "{{slice .x 1 4}}",
        "{{printf \"%s\" (slice .x 3)}}",
        "{{\"\\xff\"}}",
    ] {
        for template in parsed(source) {
            assert!(
                render(&template, &data).unwrap().contains('\u{fffd}'),
                "{source}"
            );
        }
    }
}

/// Pieces that random templates are made of; some right, some broken, some hostile.
fn piece() -> impl Strategy<Value = String> {
    let pieces = vec![
        "{{.x}}",
        "{{.x | html}}",
        "{{.y.z}}",
        "{{range .l}}",
        "{{range $i, $e := .l}}",
        "{{with .m}}",
        "{{if .x}}",
        "{{else}}",
        "{{else if .y}}",
        "{{end}}",
        "{{$v := .x}}",
        "{{$v}}",
        "{{break}}",
        "{{continue}}",
        "{{define \"t\"}}",
        "{{template \"t\" .}}",
        "{{block \"b\" .}}",
        "{{- .x -}}",
        "{{printf \"%5.2f|%q|%x\" .n .x .l}}",
        "{{index .l 0}}",
        "{{slice .x 1}}",
        "{{/* c */}}",
        "{{",
        "}}",
        "<a href=\"",
        "\">",
        "'",
        "\"",
        "<p title=",
        " ",
        "=",
        "<script>",
        "</script>",
        "<style>",
        "</style>",
        "<!--",
        "-->",
        "/*",
        "*/",
        "//",
        "\n",
        "/",
        "?",
        "#",
        "url(",
        ")",
        "style=\"",
        "onclick='",
        "<textarea>",
        "</textarea>",
        "<title>",
        "</title>",
        "\\",
        "`",
        "&quot;",
        "&#39",
        "é",
        "<",
        ">",
        "text",
        "srcset=\"",
        "{{print 1 .x (len .l)}}",
        "{{and .x .l}}",
        "{{eq .x 1}}",
        "{{call .x}}",
        "{{js .x}}",
    ];
    prop_oneof![
        8 => proptest::sample::select(pieces).prop_map(str::to_owned),
        1 => "\\PC{0,4}",
        1 => "[{}.$|()\"`a-z0-9 :=,-]{0,12}".prop_map(|inner| format!("{{{{{inner}}}}}")),
    ]
}

/// Values that try to leave their place.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = vec![
        "<script>",
        "</title>",
        "<!--",
        "-->",
        "\"",
        "'",
        "`",
        ">",
        "<",
        "&",
        "=",
        " ",
        "/",
        "javascript:",
        "\0",
        "\n",
        "x",
        "{{.x}}",
        "onload=",
        "&lt;",
        "\u{2028}",
        "+",
        "\\",
    ];
    proptest::collection::vec(proptest::sample::select(pieces), 0..8)
        .prop_map(|parts| parts.concat())
}

/// Places for a value, each with what stands before and after it.
const PLACES: [(&str, &str); 12] = [
    ("<p>", "</p>"),
    ("<title>", "</title>"),
    ("<textarea>", "</textarea>"),
    ("<p title=\"", "\">"),
    ("<p title='", "'>"),
    ("<p title=", ">"),
    ("<a href=\"", "\">"),
    ("<a href='/p?q=", "'>"),
    ("<a href=", ">"),
    ("<p style=\"color: ", "\">"),
    ("<p style=\"background: url('", "')\">"),
    ("<img srcset=\"", "\">"),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn no_template_panics(pieces in proptest::collection::vec(piece(), 0..24), x in hostile()) {
        let source = pieces.concat();
        let json = serde_json::json!({"x": x, "n": 1.5, "l": [1, "two", null, {"x": x}], "m": {"x": 2}});
        let data = Value::from(&json);
        for template in parsed(&source) {
            let mut out = String::from("kept");
            for missing in [Missing::Empty, Missing::Error] {
                let before = out.clone();
                if template.render(&data, missing, &Limits::default(), &mut out).is_err() {
                    prop_assert_eq!(&out, &before);
                }
            }
            let _ = template.fields().count();
        }
    }

    #[test]
    fn no_value_opens_a_tag_or_leaves_its_attribute(x in hostile()) {
        let json = serde_json::json!({ "x": x });
        let data = Value::from(&json);
        for (before, after) in PLACES {
            let template = Template::parse_html("mail", &format!("{before}{{{{.x}}}}{after}")).unwrap();
            let out = render(&template, &data).unwrap();
            let value = out.strip_prefix(before).and_then(|out| out.strip_suffix(after));
            let value = value.unwrap_or_else(|| panic!("{out}"));
            let ends = match before.as_bytes().last() {
                Some(b'=') => " \t\n\x0c\r\"'`<>=",
                _ => "\"'<>",
            };
            prop_assert!(!value.contains(|c: char| ends.contains(c)), "{} let out {:?}", before, value);
            if before.starts_with("<a href=") && !before.contains('/') {
                let starts_code = value.trim_start().to_lowercase().starts_with("javascript:");
                prop_assert!(!starts_code, "{} let out {:?}", before, value);
            }
        }
    }
}
