//! Where in an HTML document a piece of a template stands.

/// A place in a document, as precise as escaping needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Context {
    pub(super) state: State,
    /// What ends the attribute value, if this is in one.
    pub(super) delim: Delim,
    pub(super) url: UrlPart,
    pub(super) slash: Slash,
    /// The attribute whose name was just read.
    pub(super) attribute: Attribute,
    pub(super) element: Element,
}

/// The language at this place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum State {
    Text,
    /// In a tag, before an attribute or its end.
    Tag,
    AttributeName,
    AfterName,
    BeforeValue,
    Comment,
    /// `<title>` and `<textarea>`: text without tags.
    Rcdata,
    /// A value that is only text.
    Value,
    Url,
    Srcset,
    Js,
    JsText(Quote),
    JsRegexp,
    JsComment(CommentKind),
    Css,
    CssText(Quote),
    /// `url(…)`, in quotes or without.
    CssUrl(Option<Quote>),
    CssComment(CommentKind),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Quote {
    Double,
    Single,
    Back,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum CommentKind {
    Block,
    Line,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Delim {
    None,
    Double,
    Single,
    /// No quotes: a space or the end of the tag.
    Space,
}

/// Which part of a URL comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum UrlPart {
    Start,
    BeforeQuery,
    Query,
    /// Branches left it open.
    Unknown,
}

/// What a slash would mean in a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Slash {
    Regexp,
    Division,
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Attribute {
    Plain,
    Script,
    /// `type` of a `<script>`: says whether its content is one.
    ScriptType,
    Style,
    Url,
    Srcset,
}

/// An element whose content is not markup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Element {
    Ordinary,
    Script,
    Style,
    Textarea,
    Title,
}

impl Context {
    /// Between tags: where documents start and end.
    pub(super) const TEXT: Context = Context {
        state: State::Text,
        delim: Delim::None,
        url: UrlPart::Start,
        slash: Slash::Regexp,
        attribute: Attribute::Plain,
        element: Element::Ordinary,
    };

    /// In the tag of an element.
    pub(super) fn tag(element: Element) -> Self {
        Context {
            state: State::Tag,
            element,
            ..Context::TEXT
        }
    }

    /// The same, in the element that `other` is in.
    pub(super) fn in_element(self, other: Context) -> Self {
        Context {
            element: other.element,
            ..self
        }
    }

    pub(super) fn with(self, state: State) -> Self {
        Context { state, ..self }
    }

    /// Whether what stands here is for nobody to read.
    pub(super) fn is_comment(self) -> bool {
        matches!(
            self.state,
            State::Comment | State::JsComment(_) | State::CssComment(_)
        )
    }

    /// The context of an action here: `<a {{.}}` writes a name, `<a b={{.}}` a value.
    pub(super) fn nudged(self) -> Self {
        match self.state {
            State::Tag => self.with(State::AttributeName),
            State::AfterName => Context {
                attribute: Attribute::Plain,
                ..self.with(State::AttributeName)
            },
            State::BeforeValue => Context {
                state: self.attribute.value_state(),
                delim: Delim::Space,
                attribute: Attribute::Plain,
                ..self
            },
            _ => self,
        }
    }

    /// The context after two branches that end in `self` and in `other`, if there is one.
    pub(super) fn joined(self, other: Context) -> Option<Context> {
        if self == other {
            return Some(self);
        }
        if (Context {
            url: other.url,
            ..self
        }) == other
        {
            return Some(Context {
                url: UrlPart::Unknown,
                ..self
            });
        }
        if (Context {
            slash: other.slash,
            ..self
        }) == other
        {
            return Some(Context {
                slash: Slash::Unknown,
                ..self
            });
        }
        // `<p title={{if .c}}{{.}}{{end}}`: one branch has begun the value, the other not yet.
        let nudged = (self.nudged(), other.nudged());
        if nudged == (self, other) {
            None
        } else {
            nudged.0.joined(nudged.1)
        }
    }
}

impl Attribute {
    /// The language of its value.
    pub(super) fn value_state(self) -> State {
        match self {
            Attribute::Plain | Attribute::ScriptType => State::Value,
            Attribute::Script => State::Js,
            Attribute::Style => State::Css,
            Attribute::Url => State::Url,
            Attribute::Srcset => State::Srcset,
        }
    }
}

impl Element {
    /// The element with this tag name, in any case.
    pub(super) fn named(name: &str) -> Self {
        let known = [
            Element::Script,
            Element::Style,
            Element::Textarea,
            Element::Title,
        ];
        let found = known
            .into_iter()
            .find(|element| name.eq_ignore_ascii_case(element.name()));
        found.unwrap_or(Element::Ordinary)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Element::Ordinary => "",
            Element::Script => "script",
            Element::Style => "style",
            Element::Textarea => "textarea",
            Element::Title => "title",
        }
    }

    /// The language of its content.
    pub(super) fn content_state(self) -> State {
        match self {
            Element::Ordinary => State::Text,
            Element::Script => State::Js,
            Element::Style => State::Css,
            Element::Textarea | Element::Title => State::Rcdata,
        }
    }
}
