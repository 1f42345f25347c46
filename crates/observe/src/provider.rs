//! Which provider a recipient's domain belongs to.

/// The groups that delivery is compared by (the campaign seed, "Domain Analytics").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Provider {
    /// Google's consumer domains.
    Gmail,
    /// Microsoft's consumer domains.
    Outlook,
    /// Yahoo and AOL.
    Yahoo,
    /// Apple's.
    Apple,
    /// Other mailbox providers for everybody.
    OtherPublic,
    /// Everything else: a company's or a person's own domain.
    Own,
}

/// Domains of each provider. A domain that begins with a dot-less name and ends in any country is listed by its
/// first label in [`BY_FIRST_LABEL`].
const BY_DOMAIN: &[(&str, Provider)] = &[
    ("gmail.com", Provider::Gmail),
    ("googlemail.com", Provider::Gmail),
    ("msn.com", Provider::Outlook),
    ("live.com", Provider::Outlook),
    ("passport.com", Provider::Outlook),
    ("ymail.com", Provider::Yahoo),
    ("rocketmail.com", Provider::Yahoo),
    ("aol.com", Provider::Yahoo),
    ("icloud.com", Provider::Apple),
    ("me.com", Provider::Apple),
    ("mac.com", Provider::Apple),
    ("gmx.de", Provider::OtherPublic),
    ("gmx.net", Provider::OtherPublic),
    ("gmx.com", Provider::OtherPublic),
    ("web.de", Provider::OtherPublic),
    ("t-online.de", Provider::OtherPublic),
    ("proton.me", Provider::OtherPublic),
    ("protonmail.com", Provider::OtherPublic),
    ("fastmail.com", Provider::OtherPublic),
    ("mail.com", Provider::OtherPublic),
    ("zoho.com", Provider::OtherPublic),
    ("mail.ru", Provider::OtherPublic),
    ("yandex.ru", Provider::OtherPublic),
    ("qq.com", Provider::OtherPublic),
    ("163.com", Provider::OtherPublic),
    ("126.com", Provider::OtherPublic),
    ("naver.com", Provider::OtherPublic),
    ("orange.fr", Provider::OtherPublic),
    ("free.fr", Provider::OtherPublic),
    ("libero.it", Provider::OtherPublic),
    ("comcast.net", Provider::OtherPublic),
];

/// First labels that a provider uses under many country domains, `yahoo.co.uk` and the like.
const BY_FIRST_LABEL: &[(&str, Provider)] = &[
    ("outlook", Provider::Outlook),
    ("hotmail", Provider::Outlook),
    ("live", Provider::Outlook),
    ("yahoo", Provider::Yahoo),
];

impl Provider {
    /// Every provider, in the order they are shown.
    pub const ALL: [Self; 6] = [
        Self::Gmail,
        Self::Outlook,
        Self::Yahoo,
        Self::Apple,
        Self::OtherPublic,
        Self::Own,
    ];

    /// The provider of a domain, which is lower case.
    pub fn of_domain(domain: &str) -> Self {
        if let Some((_, provider)) = BY_DOMAIN.iter().find(|(known, _)| *known == domain) {
            return *provider;
        }
        let Some((first, rest)) = domain.split_once('.') else {
            return Self::Own;
        };
        let is_country = rest.len() <= 6 && rest.split('.').count() <= 2;
        match BY_FIRST_LABEL.iter().find(|(known, _)| *known == first) {
            Some((_, provider)) if is_country => *provider,
            _ => Self::Own,
        }
    }

    /// The word to show and to label with.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gmail => "gmail",
            Self::Outlook => "outlook",
            Self::Yahoo => "yahoo",
            Self::Apple => "apple",
            Self::OtherPublic => "other public",
            Self::Own => "own domain",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_belong_to_their_providers() {
        let cases = [
            ("gmail.com", Provider::Gmail),
            ("hotmail.co.uk", Provider::Outlook),
            ("outlook.com", Provider::Outlook),
            ("yahoo.com.br", Provider::Yahoo),
            ("icloud.com", Provider::Apple),
            ("gmx.de", Provider::OtherPublic),
            ("yahoo.example.org", Provider::Own),
            ("example.com", Provider::Own),
            ("localhost", Provider::Own),
        ];
        for (domain, provider) in cases {
            assert_eq!(Provider::of_domain(domain), provider, "{domain}");
        }
    }
}
