//! Colours.

use std::fmt::{self, Display, Formatter};

use anstyle::{AnsiColor, Style};

/// Whether text has colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paint {
    Plain,
    Colors,
}

impl Paint {
    /// What the text is about.
    pub(super) fn title<'a>(self, text: &'a dyn Display) -> impl Display + 'a {
        self.paint(Style::new().bold(), text)
    }

    /// What differs.
    pub(super) fn wrong<'a>(self, text: &'a dyn Display) -> impl Display + 'a {
        self.paint(AnsiColor::Red.on_default().bold(), text)
    }

    /// What to do.
    pub(super) fn advice<'a>(self, text: &'a dyn Display) -> impl Display + 'a {
        self.paint(AnsiColor::Green.on_default(), text)
    }

    fn paint(self, style: Style, text: &dyn Display) -> Painted<'_> {
        let style = if self == Self::Colors { style } else { Style::new() };
        Painted { style, text }
    }
}

struct Painted<'a> {
    style: Style,
    text: &'a dyn Display,
}

impl Display for Painted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        // A style that is none writes nothing.
        write!(f, "{}{}{:#}", self.style, self.text, self.style)
    }
}
