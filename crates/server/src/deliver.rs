//! Delivering alerts: webhooks, e-mail, syslog.
//!
//! What is to be delivered is in the outbox of the findings' database ([`durward_detect::alerts`]),
//! written with the alert itself. Each channel has a task of its own, so that a receiver that is
//! down or slow keeps nobody else waiting. A receiver that does not answer is tried again, less
//! and less often; one that refuses is not. Nothing is forgotten by a restart.
//!
//! Receivers come from the configuration only. Addresses and passwords of receivers are secrets:
//! they are in no error, no log and no page.

mod config;
mod email;
mod message;
mod syslog;
mod tls;
mod webhook;
mod worker;

use std::sync::Arc;
use std::time::{Duration, Instant};

use durward_detect::Book;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use config::{
    ChannelConfig, DeliverOptions, Email, Pace, SmtpTls, Syslog, SyslogVia, Template, Transport,
    Webhook,
};
use message::Message;
use worker::Circuit;

/// What came of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The receiver has taken it.
    Delivered,
    /// The receiver does not want it, and will not.
    Refused(String),
    /// It may work another time.
    Failed {
        /// Why it did not.
        error: String,
        /// The receiver asks to wait so long.
        after: Option<Duration>,
    },
}

impl Outcome {
    fn failed(error: impl Into<String>) -> Outcome {
        Outcome::Failed { error: error.into(), after: None }
    }
}

/// A channel that cannot be, in words for the administrator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("alerts.channels: {channel}: {why}")]
pub struct ChannelError {
    /// The channel.
    pub channel: String,
    /// Why it cannot be.
    pub why: String,
}

/// Sends messages to one receiver.
enum Sender {
    Webhook(webhook::Sender),
    Email(email::Sender),
    Syslog(syslog::Sender),
}

impl Sender {
    fn new(config: &ChannelConfig) -> Result<Sender, ChannelError> {
        let made = match &config.transport {
            Transport::Webhook(webhook) => webhook::Sender::new(webhook).map(Sender::Webhook),
            Transport::Email(email) => email::Sender::new(email).map(Sender::Email),
            Transport::Syslog(syslog) => syslog::Sender::new(syslog).map(Sender::Syslog),
        };
        made.map_err(|why| ChannelError { channel: config.name.clone(), why })
    }

    async fn send(&self, message: &Message) -> Outcome {
        match self {
            Sender::Webhook(sender) => sender.send(message).await,
            Sender::Email(sender) => sender.send(message).await,
            Sender::Syslog(sender) => sender.send(message).await,
        }
    }
}

/// A channel as it runs.
struct Channel {
    config: ChannelConfig,
    sender: Sender,
    circuit: Mutex<Circuit>,
    pace: Pace,
    /// Where the pages are, for links.
    pages: Option<String>,
}

impl Channel {
    /// Sends a message, within a bound of time.
    async fn send(&self, message: &Message) -> Outcome {
        match tokio::time::timeout(self.pace.timeout, self.sender.send(message)).await {
            Ok(outcome) => outcome,
            Err(_) => Outcome::failed(format!("no answer within {:?}", self.pace.timeout)),
        }
    }
}

/// All channels, and the tasks that serve them.
pub(crate) struct Deliver {
    channels: Vec<Arc<Channel>>,
    stop: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl std::fmt::Debug for Deliver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.names().collect();
        f.debug_struct("Deliver").field("channels", &names).finish_non_exhaustive()
    }
}

/// What became of a test message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tested {
    /// What came of it.
    pub(crate) outcome: Outcome,
    /// How long it took.
    pub(crate) took: Duration,
}

impl Deliver {
    /// Begins to deliver. Within a runtime.
    pub(crate) fn start(
        book: &Arc<Book>,
        options: &DeliverOptions,
        pages: Option<String>,
    ) -> Result<Deliver, ChannelError> {
        let channel = |config: &ChannelConfig| {
            let (circuit, pace) = (Mutex::default(), options.pace);
            let sender = Sender::new(config)?;
            let (config, pages) = (config.clone(), pages.clone());
            Ok(Arc::new(Channel { config, sender, circuit, pace, pages }))
        };
        let channels: Result<Vec<Arc<Channel>>, ChannelError> =
            options.channels.iter().map(channel).collect();
        let channels = channels?;
        let (stop, stopped) = watch::channel(false);
        let mut tasks: Vec<JoinHandle<()>> = channels
            .iter()
            .map(|channel| {
                tokio::spawn(worker::serve(channel.clone(), book.clone(), stopped.clone()))
            })
            .collect();
        if !channels.is_empty() {
            let names = channels.iter().map(|channel| channel.config.name.clone()).collect();
            tasks.push(tokio::spawn(worker::tidy(names, book.clone(), options.pace, stopped)));
        }
        Ok(Deliver { channels, stop, tasks: Mutex::new(tasks) })
    }

    /// The names of the channels, as configured.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.channels.iter().map(|channel| channel.config.name.as_str())
    }

    /// Kind and receiver of a channel, without secrets, and whether it is left alone at the moment
    /// because it did not answer.
    pub(crate) fn describe(&self, name: &str) -> Option<(&'static str, String, bool)> {
        let channel = self.channel(name)?;
        let (kind, receiver) = channel.config.transport.describe();
        let is_open = channel.circuit.lock().is_open(Instant::now());
        Some((kind, receiver, is_open))
    }

    /// Sends a test message, at once and once; `None` if there is no such channel.
    pub(crate) async fn send_test(&self, name: &str) -> Option<Tested> {
        let channel = self.channel(name)?;
        let begun = Instant::now();
        let message = Message::test(name, channel.pages.as_deref());
        let outcome = channel.send(&message).await;
        Some(Tested { outcome, took: begun.elapsed() })
    }

    fn channel(&self, name: &str) -> Option<&Arc<Channel>> {
        self.channels.iter().find(|channel| channel.config.name == name)
    }

    /// Ends what is under way, within a bound of time, and begins nothing new.
    pub(crate) async fn stop(&self, within: Duration) {
        let _ = self.stop.send(true);
        let tasks = std::mem::take(&mut *self.tasks.lock());
        let all = async {
            for task in tasks {
                // One that panicked has said so already.
                let _ = task.await;
            }
        };
        if tokio::time::timeout(within, all).await.is_err() {
            tracing::warn!("a delivery was cut off; it is tried again after the next start");
        }
    }
}

/// Could a channel be served? Finds what is wrong with it before anything starts.
///
/// # Errors
/// [`ChannelError`] says what is wrong.
pub fn check_channel(config: &ChannelConfig) -> Result<(), ChannelError> {
    Sender::new(config).map(|_| ())
}
