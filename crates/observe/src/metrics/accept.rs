//! Which form an `Accept` header asks for (RFC 9110 §12.5.1).

const OPENMETRICS: &str = "application/openmetrics-text";
/// Versions that are read by whoever reads 1.0.0.
const OPENMETRICS_VERSIONS: [&str; 2] = ["1.0.0", "0.0.1"];
/// Elements looked at: nobody has more to say.
const ELEMENTS_MAX: usize = 32;

/// Whether OpenMetrics is named and not liked less than plain text.
pub(super) fn prefers_openmetrics(accept: &str) -> bool {
    let (mut open, mut plain) = (0.0_f64, 0.0_f64);
    for element in accept.split(',').take(ELEMENTS_MAX) {
        let (kind, parameters) = element.split_once(';').unwrap_or((element, ""));
        let weight = weight(parameters);
        let kind = kind.trim();
        if kind.eq_ignore_ascii_case(OPENMETRICS) && is_known_version(parameters) {
            open = open.max(weight);
        } else if kind.eq_ignore_ascii_case("text/plain") {
            plain = plain.max(weight);
        }
    }
    open > 0.0 && open >= plain
}

fn is_known_version(parameters: &str) -> bool {
    parameter(parameters, "version").is_none_or(|version| OPENMETRICS_VERSIONS.contains(&version))
}

/// How much an element is liked, 0 to 1; what cannot be read is not liked at all.
fn weight(parameters: &str) -> f64 {
    let Some(weight) = parameter(parameters, "q") else {
        return 1.0;
    };
    let weight = weight.parse().unwrap_or(0.0);
    if (0.0..=1.0).contains(&weight) {
        weight
    } else {
        0.0
    }
}

fn parameter<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    parameters.split(';').find_map(|parameter| {
        let (found, value) = parameter.split_once('=')?;
        let is_it = found.trim().eq_ignore_ascii_case(name);
        is_it.then(|| value.trim().trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openmetrics_is_for_who_names_it() {
        let cases = [
            ("*/*", false),
            ("", false),
            ("text/html,application/xhtml+xml,*/*;q=0.8", false),
            ("text/plain", false),
            ("application/openmetrics-text", true),
            (
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
                true,
            ),
            ("Application/OpenMetrics-Text;version=\"1.0.0\"", true),
            ("application/openmetrics-text;version=9.0.0", false),
            ("application/openmetrics-text;q=0", false),
            ("application/openmetrics-text;q=0.5,text/plain;q=0.9", false),
            ("application/openmetrics-text;q=NaN", false),
            ("application/openmetrics-text;q=7", false),
            // What Prometheus itself sends, earlier and later.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                 text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                true,
            ),
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                 text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,*/*;q=0.1",
                true,
            ),
        ];
        for (accept, expected) in cases {
            assert_eq!(prefers_openmetrics(accept), expected, "{accept}");
        }
    }
}
