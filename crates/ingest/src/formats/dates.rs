//! Which number comes first in `3/4/2026`, settled once for a file (quirk 5).

use durward_model::time::{DAY_MICROS, DateOrder, Timestamp};

/// Looks at a file's dates until they say which order they are in.
#[derive(Debug, Default)]
pub(crate) struct OrderScan {
    settled: Option<DateOrder>,
    month_first: Option<(i64, i64)>,
    day_first: Option<(i64, i64)>,
}

impl OrderScan {
    /// Takes note of a date; true once the order is certain.
    pub(crate) fn note(&mut self, text: &str) -> bool {
        if self.settled.is_none() && !text.is_empty() {
            self.settled = certain(text);
            widen(&mut self.month_first, text, DateOrder::MonthFirst);
            widen(&mut self.day_first, text, DateOrder::DayFirst);
        }
        self.settled.is_some()
    }

    /// The order. Where every date could be either, the one that puts them closer together: files
    /// cover days, and exchanging the numbers scatters them over months. Nothing lies in the
    /// future.
    pub(crate) fn settle(&self, received: Timestamp) -> DateOrder {
        if let Some(order) = self.settled {
            return order;
        }
        let (Some(month), Some(day)) = (self.month_first, self.day_first) else {
            return DateOrder::MonthFirst;
        };
        let tomorrow = received.micros.saturating_add(DAY_MICROS);
        match (month.1 > tomorrow, day.1 > tomorrow) {
            (true, false) => DateOrder::DayFirst,
            (false, true) => DateOrder::MonthFirst,
            _ if day.1 - day.0 < month.1 - month.0 => DateOrder::DayFirst,
            _ => DateOrder::MonthFirst,
        }
    }
}

fn widen(range: &mut Option<(i64, i64)>, text: &str, order: DateOrder) {
    if let Some(time) = Timestamp::parse(text, order) {
        let (from, to) = range.unwrap_or((time.micros, time.micros));
        *range = Some((from.min(time.micros), to.max(time.micros)));
    }
}

/// The order, if this date has only one. ISO dates have no order to settle.
fn certain(text: &str) -> Option<DateOrder> {
    let mut numbers = text.trim().splitn(3, ['/', '.', '-']);
    let (first, second) = (numbers.next()?, numbers.next()?);
    if first.len() == 4 {
        return Some(DateOrder::MonthFirst);
    }
    let (first, second): (u32, u32) = (first.parse().ok()?, second.parse().ok()?);
    // Points are written where days come first.
    let points =
        text.trim().trim_start_matches(|letter: char| letter.is_ascii_digit()).starts_with('.');
    match (first > 12, second > 12) {
        (true, false) => Some(DateOrder::DayFirst),
        (false, true) => Some(DateOrder::MonthFirst),
        _ if points => Some(DateOrder::DayFirst),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(dates: &[&str]) -> DateOrder {
        let mut scan = OrderScan::default();
        for date in dates {
            scan.note(date);
        }
        let received = Timestamp::parse("2026-04-08T00:00:00Z", DateOrder::MonthFirst).unwrap();
        scan.settle(received)
    }

    #[test]
    fn quirk_5_the_order_of_day_and_month_is_the_files() {
        use DateOrder::{DayFirst, MonthFirst};
        for (dates, expected) in [
            (&["28/04/2021 14:08:45"][..], DayFirst),
            (&["4/28/2021, 2:08:45.221 PM"], MonthFirst),
            (&["3/4/2026 10:00", "25/4/2026 10:00"], DayFirst),
            (&["3.4.2026 10:00"], DayFirst),
            (&["2026-03-04T10:00:00Z"], MonthFirst),
            // 5 to 7 March, or 3 May to 3 July, which has not come yet.
            (&["5/3/2026 10:00", "6/3/2026 10:00", "7/3/2026 10:00"], DayFirst),
            (&["3/5/2026 10:00", "3/6/2026 10:00", "3/7/2026 10:00"], MonthFirst),
            // 1 to 3 February, or 2 January to 2 March, both past.
            (&["1/2/2026 10:00", "2/2/2026 10:00", "3/2/2026 10:00"], DayFirst),
            (&["3/3/2026 10:00"], MonthFirst),
            (&[""], MonthFirst),
        ] {
            assert_eq!(order(dates), expected, "{dates:?}");
        }
    }
}
