//! Templates: any source with any data ends within its limits, and in HTML no value becomes a tag.
#![no_main]

use compose::go_template::{Limits, Missing, Template, Value};
use glasspost_fuzz::parts;
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits {
    output_bytes_max: 16 << 10,
    steps_max: 5_000,
    template_depth_max: 16,
};
/// What was in the output before; it stays whatever happens.
const BEFORE: &str = "before|";
/// Whatever decides by a value what is shown; without these the same text is shown for every value.
const DECISIONS: [&str; 3] = ["if", "range", "with"];

/// What `template` makes of `data`, or nothing where it fails.
fn render(template: &Template, data: &Value<'_>) -> Option<String> {
    let mut out = BEFORE.to_owned();
    let outcome = template.render(data, Missing::Empty, &LIMITS, &mut out);
    assert!(out.len() <= BEFORE.len() + LIMITS.output_bytes_max);
    match outcome {
        Ok(_) => Some(
            out.strip_prefix(BEFORE)
                .expect("the output was overwritten")
                .to_owned(),
        ),
        Err(error) => {
            assert_eq!(out, BEFORE, "a failed render left something: {error}");
            None
        }
    }
}

fn angles(text: &str) -> usize {
    text.bytes().filter(|byte| b"<>".contains(byte)).count()
}

/// The same shape of data, with a harmless word for each text.
fn harmless<'a>(value: &Value<'a>) -> Value<'a> {
    match value {
        Value::String(_) => Value::from("word"),
        Value::List(items) => Value::List(items.iter().map(harmless).collect()),
        Value::Map(map) => {
            let entries = map
                .iter()
                .map(|(name, value)| (name.to_owned(), harmless(value)));
            Value::Map(entries.collect())
        }
        other => other.clone(),
    }
}

fn check_html(source: &str, template: &Template, data: &Value<'_>) {
    let Some(shown) = render(template, data) else {
        return;
    };
    if !source.contains(['<', '>']) {
        assert_eq!(angles(&shown), 0, "a value became a tag: {shown}");
    }
    if DECISIONS.iter().any(|word| source.contains(word)) {
        return;
    }
    if let Some(usual) = render(template, &harmless(data)) {
        assert_eq!(
            angles(&shown),
            angles(&usual),
            "a value became a tag: {shown}\nusual: {usual}"
        );
    }
}

fuzz_target!(|input: &str| {
    let [source, text] = parts(input);
    // What is no JSON is one hostile text.
    let data = serde_json::from_str(text)
        .unwrap_or_else(|_| Value::Map([("name", Value::from(text))].into_iter().collect()));
    if let Ok(template) = Template::parse_text("mail", source) {
        let shown = render(&template, &data);
        assert_eq!(
            shown,
            render(&template, &data),
            "the same again is something else"
        );
    }
    if let Ok(template) = Template::parse_html("mail", source) {
        check_html(source, &template, &data);
    }
});
