//! The page on metrics says what the table says.

#[path = "../examples/metrics_page.rs"]
#[expect(dead_code, reason = "its main is for the command line")]
mod metrics_page;

use std::fs;
use std::path::Path;

#[test]
fn the_page_on_metrics_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    let page = fs::read_to_string(path).unwrap();
    assert!(
        page == metrics_page::page(),
        "docs/metrics.md is out of date: cargo run -p model --example metrics_page > docs/metrics.md"
    );
}
