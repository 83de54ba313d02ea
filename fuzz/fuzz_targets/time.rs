//! Any text is an instant or none, and a style writes the same characters again.
#![no_main]

use durward_model::Timestamp;
use durward_model::time::DateOrder;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for order in [DateOrder::MonthFirst, DateOrder::DayFirst] {
        if let Some((time, Some(style))) = Timestamp::parse_styled(text, order) {
            let mut again = String::new();
            time.write(style, &mut again);
            assert_eq!(again, text);
        }
    }
});
