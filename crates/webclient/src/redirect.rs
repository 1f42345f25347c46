//! Which redirects a request follows.

use reqwest::StatusCode;
use reqwest::header::LOCATION;
use url::Url;

use crate::error::{BadUrl, Error, Refusal};
use crate::guard::host_of;

/// The redirects that a caller wants to be followed. Each hop passes the address guard again.
#[derive(Debug, Clone, Copy)]
pub struct Redirects {
    /// The most hops after the first request.
    pub hops_max: u8,
    /// Whether a hop may go to this host, given in lower case.
    pub host_allowed: fn(&str) -> bool,
}

impl Redirects {
    /// Follows none: a redirect is an error.
    pub const NONE: Redirects = Redirects::up_to(0);

    /// Follows this many redirects, to any host that the policy allows.
    pub const fn up_to(hops_max: u8) -> Redirects {
        Redirects {
            hops_max,
            host_allowed: |_| true,
        }
    }

    /// Follows only to hosts for which `host_allowed` says yes.
    pub const fn only_to(self, host_allowed: fn(&str) -> bool) -> Redirects {
        Redirects {
            host_allowed,
            ..self
        }
    }

    /// The next hop after `hops` hops, `from` having answered with a redirect to `location`, which may
    /// be relative (RFC 9110 section 10.2.2).
    pub(crate) fn next(&self, hops: u8, from: &Url, location: &str) -> Result<Url, Error> {
        if hops >= self.hops_max {
            let host = host_of(from);
            return Err(Refusal::TooManyRedirects {
                host,
                hops_max: self.hops_max,
            }
            .into());
        }
        let to = from.join(location).map_err(BadUrl::Unreadable)?;
        let host = host_of(&to);
        if from.scheme() == "https" && to.scheme() == "http" {
            return Err(Refusal::Downgrade { host }.into());
        }
        if !(self.host_allowed)(&host) {
            return Err(Refusal::RedirectHost { host }.into());
        }
        Ok(to)
    }
}

/// Where `answer` redirects to, if it does.
pub(crate) fn location(answer: &reqwest::Response) -> Option<&str> {
    let redirects = matches!(
        answer.status(),
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    redirects
        .then(|| answer.headers().get(LOCATION)?.to_str().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(redirects: Redirects, hops: u8, location: &str) -> Result<String, Error> {
        let from = Url::parse("https://docs.example.com/a/b?c").unwrap();
        redirects.next(hops, &from, location).map(String::from)
    }

    #[test]
    fn a_location_is_taken_relative_to_where_it_came_from() {
        let follow = Redirects::up_to(1);
        assert_eq!(
            next(follow, 0, "d").unwrap(),
            "https://docs.example.com/a/d"
        );
        assert_eq!(next(follow, 0, "/d").unwrap(), "https://docs.example.com/d");
        assert_eq!(
            next(follow, 0, "//other.example/").unwrap(),
            "https://other.example/"
        );
    }

    #[test]
    fn hops_are_counted() {
        assert!(next(Redirects::up_to(3), 2, "/d").is_ok());
        assert!(next(Redirects::up_to(3), 3, "/d").is_err());
        assert!(next(Redirects::NONE, 0, "/d").is_err());
    }

    #[test]
    fn https_is_not_left_for_plain_http() {
        let refusal = next(Redirects::up_to(1), 0, "http://docs.example.com/").unwrap_err();
        assert!(matches!(refusal, Error::Refused(Refusal::Downgrade { .. })));
    }

    #[test]
    fn the_caller_chooses_the_hosts() {
        let follow = Redirects::up_to(1).only_to(|host| host.ends_with(".example.com"));
        assert!(next(follow, 0, "https://SHEETS.example.com/").is_ok());
        let refusal = next(follow, 0, "https://example.com.evil.example/").unwrap_err();
        assert!(matches!(
            refusal,
            Error::Refused(Refusal::RedirectHost { .. })
        ));
    }

    #[test]
    fn an_impossible_location_is_a_bad_url() {
        let refusal = next(Redirects::up_to(1), 0, "https://[fe80::1%25eth0]/").unwrap_err();
        assert!(matches!(refusal, Error::BadUrl(BadUrl::Unreadable(_))));
    }
}
