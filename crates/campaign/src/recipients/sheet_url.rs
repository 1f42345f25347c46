//! From the address of a Google Sheet, as it stands in the browser, to the address of its CSV.

use url::{Position, Url};

/// Where sheets live; any other host is refused.
const HOST: &str = "docs.google.com";
/// Where Google sends the reader of an export on to.
const CONTENT_HOSTS: &str = ".googleusercontent.com";
/// The tab that is taken when the address names none: the first.
const FIRST_TAB: &str = "0";

/// Why an address is not that of a Google Sheet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SheetUrlError {
    /// No URL at all.
    #[error("the sheet's address is not a URL: {0}")]
    NotUrl(#[from] url::ParseError),
    /// Some other site, or one that cannot be trusted to be Google.
    #[error("the sheet's address must begin with https://{HOST}/, not {0}")]
    OtherSite(String),
    /// Google, but no sheet's id in it.
    #[error("the sheet's address has no sheet in it: expected https://{HOST}/spreadsheets/d/…")]
    NoSheet,
    /// A page that was made with "Publish to the web" shows a copy under another id.
    #[error("this is the address of a published page: use the one of the sheet itself")]
    Published,
}

/// The address under which Google exports one tab of a sheet as CSV.
///
/// The tab is the `gid` after the `#`, else the one after the `?`, else the first.
pub fn csv_export_url(sheet: &str) -> Result<Url, SheetUrlError> {
    let url = Url::parse(sheet.trim())?;
    if !is_google(&url) {
        let site = url[..Position::BeforePath].to_owned();
        return Err(SheetUrlError::OtherSite(site));
    }
    let id = sheet_id(&url)?;
    let tab = tab(&url).unwrap_or(FIRST_TAB);
    Ok(Url::parse(&format!(
        "https://{HOST}/spreadsheets/d/{id}/export?format=csv&gid={tab}"
    ))?)
}

/// Whether the answer to an export may come from `host`. The way there stays HTTPS, which is the web client's care.
pub fn may_redirect_to(host: &str) -> bool {
    host == HOST || host.ends_with(CONTENT_HOSTS)
}

fn is_google(url: &Url) -> bool {
    is_plain_https(url) && url.host_str() == Some(HOST)
}

/// HTTPS on its own port, with no name or password in the address.
fn is_plain_https(url: &Url) -> bool {
    url.scheme() == "https"
        && url.port().is_none()
        && url.username().is_empty()
        && url.password().is_none()
}

/// The id after `/spreadsheets/d/` or, for people with several accounts, `/spreadsheets/u/1/d/`.
fn sheet_id(url: &Url) -> Result<&str, SheetUrlError> {
    let path = url.path().strip_prefix("/spreadsheets/");
    let own = path.map(|path| match path.strip_prefix("u/") {
        Some(account) => account.split_once('/').map_or("", |(_, rest)| rest),
        None => path,
    });
    let rest = own
        .and_then(|path| path.strip_prefix("d/"))
        .ok_or(SheetUrlError::NoSheet)?;
    let id = rest.split('/').next().unwrap_or_default();
    if id == "e" {
        return Err(SheetUrlError::Published);
    }
    let is_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    match !id.is_empty() && id.bytes().all(is_id) {
        true => Ok(id),
        false => Err(SheetUrlError::NoSheet),
    }
}

/// The tab's number: in the fragment, else in the query.
fn tab(url: &Url) -> Option<&str> {
    url.fragment()
        .and_then(gid)
        .or_else(|| url.query().and_then(gid))
}

/// The digits after `gid=` in a fragment or a query.
fn gid(part: &str) -> Option<&str> {
    let value = part
        .split(['&', '?'])
        .find_map(|pair| pair.strip_prefix("gid="))?;
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_export_of_the_shown_tab_is_found() {
        let cases = [
            (
                "https://docs.google.com/spreadsheets/d/1A-b_9/edit#gid=42",
                "1A-b_9",
                "42",
            ),
            (
                "https://docs.google.com/spreadsheets/d/1A-b_9/edit?gid=7#gid=42",
                "1A-b_9",
                "42",
            ),
            (
                "https://docs.google.com/spreadsheets/d/1A-b_9/edit?usp=sharing&gid=7",
                "1A-b_9",
                "7",
            ),
            (
                "https://docs.google.com/spreadsheets/d/1A-b_9/edit#gid=42&range=A1",
                "1A-b_9",
                "42",
            ),
            (
                "https://docs.google.com/spreadsheets/u/1/d/1A-b_9/edit",
                "1A-b_9",
                "0",
            ),
            (
                " https://DOCS.google.com/spreadsheets/d/1A-b_9 ",
                "1A-b_9",
                "0",
            ),
            (
                "https://docs.google.com/spreadsheets/d/x/edit#gid=1%26format%3Dpdf",
                "x",
                "0",
            ),
        ];
        for (given, id, tab) in cases {
            let expected =
                format!("https://docs.google.com/spreadsheets/d/{id}/export?format=csv&gid={tab}");
            assert_eq!(csv_export_url(given).unwrap().as_str(), expected, "{given}");
        }
    }

    #[test]
    fn other_addresses_are_refused() {
        for given in [
            "",
            "sheet",
            "http://docs.google.com/spreadsheets/d/x",
            "https://docs.google.com.evil.example/spreadsheets/d/x",
            "https://evil.example/docs.google.com/spreadsheets/d/x",
            "https://docs.google.com@evil.example/spreadsheets/d/x",
            "https://user:pass@docs.google.com/spreadsheets/d/x",
            "https://docs.google.com:8443/spreadsheets/d/x",
            "https://docs.google.com/document/d/x",
            "https://docs.google.com/spreadsheets/d/",
            "https://docs.google.com/spreadsheets/d/../x",
            "https://docs.google.com/spreadsheets/d/a%2fb",
            "https://docs.google.com/spreadsheets/u/1",
            "https://docs.google.com/spreadsheets/d/e/2PACX-1v/pubhtml",
        ] {
            assert!(csv_export_url(given).is_err(), "{given}");
        }
    }

    #[test]
    fn redirects_stay_with_google() {
        assert!(may_redirect_to("docs.google.com"));
        assert!(may_redirect_to("doc-0s-sheets.googleusercontent.com"));
        for other in [
            "evil.example",
            "evilgoogleusercontent.com",
            "x.googleusercontent.com.evil.example",
            "accounts.google.com",
        ] {
            assert!(!may_redirect_to(other), "{other}");
        }
    }
}
