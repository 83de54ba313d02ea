//! The tasks: one a channel, which sends what is due, and one that tidies up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use durward_detect::alerts::{Due, Ended};
use durward_detect::{Book, BookError};
use durward_model::{Id, Timestamp};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::message::Message;
use super::{Channel, Outcome, Pace};

/// How often the outbox is tidied up.
const TIDY_PERIOD: Duration = Duration::from_secs(3600);
/// How long a channel that does not answer is left alone at most.
const OPEN_MAX: Duration = Duration::from_secs(900);

/// Whether a channel answers.
#[derive(Debug, Default)]
pub(super) struct Circuit {
    failures: u32,
    open_until: Option<Instant>,
}

impl Circuit {
    /// Is the channel left alone at this moment?
    pub(super) fn is_open(&self, now: Instant) -> bool {
        self.open_until.is_some_and(|until| now < until)
    }

    /// How many messages to try now.
    fn allowed(&self, pace: &Pace, now: Instant) -> usize {
        match self.open_until {
            Some(until) if now < until => 0,
            Some(_) => 1,
            None => pace.at_once.max(1),
        }
    }

    /// Learns from a try. True if the channel answers again after a time when it did not.
    fn learn(&mut self, has_failed: bool, pace: &Pace, now: Instant) -> bool {
        if !has_failed {
            let was_open = self.open_until.is_some();
            *self = Circuit::default();
            return was_open;
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures >= pace.failures_max.max(1) {
            let wait = doubled(pace.first_wait, self.failures - pace.failures_max.max(1));
            self.open_until = Some(now + wait.min(OPEN_MAX).min(pace.longest_wait));
        }
        false
    }
}

/// Sends what is due to a channel until told to stop.
pub(super) async fn serve(
    channel: Arc<Channel>,
    book: Arc<Book>,
    mut stopped: watch::Receiver<bool>,
) {
    while !*stopped.borrow() {
        if let Err(error) = round(&channel, &book).await {
            tracing::error!(%error, channel = channel.config.name, "the outbox cannot be used");
        }
        tokio::select! {
            () = tokio::time::sleep(channel.pace.period) => {}
            _ = stopped.changed() => {}
        }
    }
}

async fn round(channel: &Arc<Channel>, book: &Arc<Book>) -> Result<(), BookError> {
    let most = channel.circuit.lock().allowed(&channel.pace, Instant::now());
    if most == 0 {
        return Ok(());
    }
    let name = channel.config.name.clone();
    let now = Timestamp::now().micros;
    let due = with(book, move |book| book.due_deliveries(&name, now, most)).await?;
    let mut sending = JoinSet::new();
    for due in due {
        let channel = channel.clone();
        sending.spawn(async move {
            let outcome = match Message::of(&due, channel.pages.as_deref()) {
                Some(message) => channel.send(&message).await,
                None => Outcome::Refused("there is nothing to tell any more".to_owned()),
            };
            (due, outcome)
        });
    }
    while let Some(sent) = sending.join_next().await {
        // A task that panicked has said so; its delivery is tried again.
        if let Ok((due, outcome)) = sent {
            settle(channel, book, due, outcome).await?;
        }
    }
    Ok(())
}

/// Writes down what came of a try.
async fn settle(
    channel: &Arc<Channel>,
    book: &Arc<Book>,
    due: Due,
    outcome: Outcome,
) -> Result<(), BookError> {
    let has_failed = matches!(outcome, Outcome::Failed { .. });
    let now = Timestamp::now().micros;
    let (ended, name) = (ended(&channel.pace, &due, outcome, now), channel.config.name.clone());
    match &ended {
        Ended::Delivered => {}
        Ended::Again { error, .. } => {
            tracing::warn!(channel = name, error, "a delivery failed and is tried again");
        }
        Ended::Refused(error) | Ended::Failed(error) => {
            tracing::error!(channel = name, error, "an alert could not be delivered");
        }
    }
    let is_back = channel.circuit.lock().learn(has_failed, &channel.pace, Instant::now());
    with(book, move |book| {
        book.end_delivery(due.delivery.number, &ended, now)?;
        match is_back {
            true => book.hurry_deliveries(&name, now),
            false => Ok(()),
        }
    })
    .await
}

fn ended(pace: &Pace, due: &Due, outcome: Outcome, now_micros: i64) -> Ended {
    let (error, after) = match outcome {
        Outcome::Delivered => return Ended::Delivered,
        Outcome::Refused(why) => return Ended::Refused(why),
        Outcome::Failed { error, after } => (error, after),
    };
    let delivery = &due.delivery;
    let wait = doubled(pace.first_wait, delivery.attempts).min(pace.longest_wait);
    let wait = jittered(wait, delivery.id, delivery.attempts);
    let wait = wait.max(after.unwrap_or_default().min(pace.longest_wait));
    let at_micros = now_micros.saturating_add(micros(wait));
    // One that waited behind others for all that time has a second try.
    let age_micros = now_micros.saturating_sub(delivery.created_micros);
    if age_micros >= micros(pace.give_up) && delivery.attempts > 0 {
        return Ended::Failed(error);
    }
    Ended::Again { at_micros, error }
}

fn doubled(wait: Duration, times: u32) -> Duration {
    wait.saturating_mul(1_u32.checked_shl(times.min(31)).unwrap_or(u32::MAX))
}

/// Between three and five quarters, so that what failed together is not tried together again.
fn jittered(wait: Duration, id: Id, attempts: u32) -> Duration {
    let Id(hash) = Id::hash(format!("{id} {attempts}").as_bytes());
    wait.mul_f64(0.75 + 0.5 * f64::from(hash[0]) / 255.0)
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

/// Gives up and forgets now and then, until told to stop.
pub(super) async fn tidy(
    names: Vec<String>,
    book: Arc<Book>,
    pace: Pace,
    mut stopped: watch::Receiver<bool>,
) {
    while !*stopped.borrow() {
        let names = names.clone();
        let now = Timestamp::now().micros;
        let give_up = micros(pace.give_up);
        let done = with(&book, move |book| book.tidy_deliveries(&names, give_up, now)).await;
        if let Err(error) = done {
            tracing::error!(%error, "the outbox cannot be tidied up");
        }
        tokio::select! {
            () = tokio::time::sleep(TIDY_PERIOD) => {}
            _ = stopped.changed() => {}
        }
    }
}

/// Runs blocking work on the book.
async fn with<T: Send + 'static>(
    book: &Arc<Book>,
    work: impl FnOnce(&Book) -> Result<T, BookError> + Send + 'static,
) -> Result<T, BookError> {
    let book = book.clone();
    let done = tokio::task::spawn_blocking(move || work(&book)).await;
    done.unwrap_or_else(|error| Err(BookError::Invalid(error.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_that_does_not_answer_is_left_alone_longer_and_longer() {
        let pace = Pace { failures_max: 3, ..Pace::default() };
        let mut circuit = Circuit::default();
        let start = Instant::now();
        for _ in 0..2 {
            assert!(!circuit.learn(true, &pace, start));
            assert_eq!(circuit.allowed(&pace, start), pace.at_once);
        }
        circuit.learn(true, &pace, start);
        assert_eq!(circuit.allowed(&pace, start), 0);
        let later = start + pace.first_wait;
        assert_eq!(circuit.allowed(&pace, later), 1, "one, to see");
        circuit.learn(true, &pace, later);
        assert!(circuit.is_open(later + pace.first_wait));
        for _ in 0..50 {
            circuit.learn(true, &pace, later);
        }
        assert!(!circuit.is_open(later + OPEN_MAX));
        assert!(circuit.learn(false, &pace, later), "it is back");
        assert!(!circuit.learn(false, &pace, later));
        assert_eq!(circuit.allowed(&pace, later), pace.at_once);
    }

    #[test]
    fn waits_double_with_some_jitter() {
        let id = Id::hash(b"delivery");
        for times in 0..6 {
            let wait = doubled(Duration::from_secs(30), times);
            assert_eq!(wait.as_secs(), 30 << times);
            let some = jittered(wait, id, times);
            assert!(some >= wait * 3 / 4 && some <= wait * 5 / 4);
        }
        assert!(doubled(Duration::from_secs(30), 4000) > Duration::from_secs(1 << 20));
    }
}
