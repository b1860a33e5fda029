//! Where reports go: text for people, JSON for programs.

use std::io::{self, BufWriter, StdoutLock, Write};

use anstream::{AutoStream, ColorChoice};
use serde::Serialize;

/// Standard output. Colours that are written to it reach a terminal, and nothing
/// else unless that is asked for.
pub(crate) struct Output {
    json: bool,
    out: BufWriter<AutoStream<StdoutLock<'static>>>,
}

impl Output {
    pub(crate) fn new(json: bool, color: ColorChoice) -> Self {
        color.write_global();
        let choice = match color {
            ColorChoice::Auto => AutoStream::choice(&io::stdout()),
            color => color,
        };
        Self { json, out: BufWriter::new(AutoStream::new(io::stdout().lock(), choice)) }
    }

    /// Whether programs read it.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Writes whole lines without a look for colours in them, which takes longer than
    /// to write them.
    pub(crate) fn lines(&mut self, lines: &[u8]) -> io::Result<()> {
        self.out.flush()?;
        let mut out = io::stdout().lock();
        out.write_all(lines)?;
        out.flush()
    }

    /// Writes a value as one line of JSON.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> anyhow::Result<()> {
        serde_json::to_writer(&mut self.out, value)?;
        self.out.write_all(b"\n")?;
        Ok(())
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Whether it failed because nobody reads what is written.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        let json =
            cause.downcast_ref::<serde_json::Error>().and_then(|error| error.io_error_kind());
        io.or(json) == Some(io::ErrorKind::BrokenPipe)
    })
}
