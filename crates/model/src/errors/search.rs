//! Finding error codes by what people have of them: a number, a message, or some words.

use super::{Category, ErrorCode, all, lookup, parse_code};

/// Digits that a number in running text has at least to be taken for a code: shorter ones are more
/// likely to be anything else.
const DIGITS_MIN: usize = 5;

/// The code in a text: the number after `AADSTS`, else the text itself if it is a number (also in
/// hexadecimal, after `0x`), else the first number in it that is a code of the table.
pub fn code_in(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Some(code) = parse_code(text) {
        return Some(code);
    }
    let upper = text.to_ascii_uppercase();
    if let Some(digits) = upper.strip_prefix("0X") {
        return i64::from_str_radix(digits, 16).ok();
    }
    if let Some((_, rest)) = upper.split_once("AADSTS") {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        return rest[..digits].parse().ok();
    }
    let numbers = text.split(|letter: char| !letter.is_ascii_digit());
    let mut long = numbers
        .filter(|digits| digits.len() >= DIGITS_MIN)
        .filter_map(|digits| digits.parse().ok());
    long.find(|code| lookup(*code).is_some())
}

/// The codes that have all these words in their number, name, meaning, category or remedy, best
/// first; all codes where there are no words.
pub fn search(words: &str, category: Option<Category>) -> Vec<&'static ErrorCode> {
    let words = words.to_lowercase();
    let words: Vec<&str> =
        words.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let of_category =
        all().iter().filter(|entry| category.is_none_or(|category| entry.category == category));
    let mut found: Vec<(u32, &ErrorCode)> =
        of_category.filter_map(|entry| Some((score(entry, &words)?, entry))).collect();
    // Codes come in their order, so equal ones stay in it.
    found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    found.into_iter().map(|(_, entry)| entry).collect()
}

/// How well an entry fits: the sum for all words; `None` if it lacks one.
fn score(entry: &ErrorCode, words: &[&str]) -> Option<u32> {
    let code = entry.code.to_string();
    let name = entry.name.to_lowercase();
    let reason = entry.reason.to_lowercase();
    let category = format!("{} {}", entry.category.name(), entry.category.summary()).to_lowercase();
    let remedy = entry.remedy().to_lowercase();
    let is_word = |text: &str, word: &str| {
        text.split(|c: char| !c.is_alphanumeric()).any(|other| other == word)
    };
    let mut sum = 0;
    for word in words {
        sum += match word {
            word if code.starts_with(*word) => 8,
            word if is_word(&reason, word) => 6,
            word if reason.contains(*word) => 5,
            word if name.contains(*word) => 4,
            word if category.contains(*word) => 2,
            word if remedy.contains(*word) => 1,
            _ => return None,
        };
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_in_what_people_paste() {
        for (text, code) in [
            ("50126", Some(50126)),
            ("AADSTS50126", Some(50126)),
            ("aadsts700016: Application with identifier 'x' was not found", Some(700_016)),
            ("error (AADSTS50076) Trace ID: 1234567890", Some(50076)),
            ("{\"errorCode\":50053,\"failureReason\":\"…\"}", Some(50053)),
            ("Request 4b1d0c5e at 12345678 failed with 53003", Some(53003)),
            ("0xC3CE", Some(50126)),
            ("AADSTS", None),
            ("0x", None),
            ("no code here, only 42", None),
            ("", None),
        ] {
            assert_eq!(code_in(text), code, "{text}");
        }
    }

    #[test]
    fn words_find_codes() {
        let codes = |words: &str| -> Vec<i64> {
            search(words, None).into_iter().map(|entry| entry.code).collect()
        };
        assert_eq!(codes("").len(), all().len());
        assert!(codes("InvalidUserNameOrPassword").contains(&50126));
        assert!(codes("password expired").contains(&50055), "{:?}", codes("password expired"));
        assert!(codes("LOCKED").contains(&50053));
        assert!(codes("no such words anywhere").is_empty());
        let numbers = codes("5300");
        assert!(numbers.iter().take(3).all(|code| code.to_string().starts_with("5300")));
        let risk = search("", Some(Category::Risk));
        assert!(risk.len() == 4 && risk.iter().all(|entry| entry.category == Category::Risk));
        assert!(search("password", Some(Category::Risk)).len() < codes("password").len());
    }

    #[test]
    fn the_meaning_counts_more_than_the_remedy() {
        let found = search("guest", None);
        let at = |test: &dyn Fn(&ErrorCode) -> bool| found.iter().position(|entry| test(entry));
        let meant = at(&|entry| entry.reason.to_lowercase().contains("guest"));
        let remedied = at(&|entry| {
            !entry.reason.to_lowercase().contains("guest")
                && !entry.name.to_lowercase().contains("guest")
        });
        assert!(meant.unwrap() < remedied.unwrap());
    }
}
