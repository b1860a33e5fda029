//! The chain as it grows: a question is asked when those before it were not
//! answered with no.

use std::os::fd::AsFd;

use super::diagnosis::{Answer, Break, Diagnosis, Link, Question, SecondCopy};
use crate::Error;
use crate::inventory::Inventory;
use crate::maps::OpenMap;
use crate::verification::MapLabel;

pub(super) struct Chain {
    pub(super) diagnosis: Diagnosis,
    inventory: Option<Inventory>,
    /// Maps of the same name and type that other programs use.
    pub(super) copies: Vec<SecondCopy>,
}

/// `Some` when the next question may be asked.
pub(super) type Next = Option<()>;

impl Chain {
    pub(super) fn new(map: MapLabel) -> Self {
        let diagnosis =
            Diagnosis { map, key: None, links: Vec::new(), value: None, notes: Vec::new() };
        Self { diagnosis, inventory: None, copies: Vec::new() }
    }

    pub(super) fn holds(&mut self, question: Question, text: impl Into<String>) -> Next {
        self.answer(question, Answer::Holds(text.into()));
        Some(())
    }

    pub(super) fn unknown(&mut self, question: Question, text: impl Into<String>) -> Next {
        self.answer(question, Answer::Unknown(text.into()));
        Some(())
    }

    pub(super) fn broken(&mut self, question: Question, broken: Break) -> Next {
        self.answer(question, Answer::Broken(broken));
        None
    }

    fn answer(&mut self, question: Question, answer: Answer) {
        self.diagnosis.links.push(Link { question, answer });
    }

    pub(super) fn note(&mut self, text: impl Into<String>) {
        self.diagnosis.notes.push(text.into());
    }

    /// What the kernel holds, read once.
    pub(super) fn inventory(&mut self) -> &Inventory {
        self.inventory.get_or_insert_with(Inventory::of_kernel)
    }

    /// Whether the descriptor is still that of the map.
    pub(super) fn alive(&mut self, open: &OpenMap) -> Next {
        match open.check_alive() {
            Ok(()) => {
                use std::os::fd::AsRawFd;
                let fd = open.map.fd().as_fd().as_raw_fd();
                self.holds(Question::Alive, format!("number {fd} is still that of the map"))
            }
            Err(Error::Closed { .. }) => self.broken(Question::Alive, Break::Closed),
            Err(Error::NotAMap { .. } | Error::OtherMap { .. }) => {
                self.broken(Question::Alive, Break::Replaced)
            }
            // It could not be asked, and nothing else can be.
            Err(error) => {
                self.unknown(Question::Alive, error.to_string());
                None
            }
        }
    }
}
