//! Where a sign-in leads: back to a page of ours, and nowhere else.
//!
//! The address of the sign-in page names the page that was wanted, so anybody can write one and
//! send it to somebody. What it leads to must never be another site.

/// Longest path that is kept; it has to fit into a cookie with what else a sign-in needs.
const PATH_BYTES_MAX: usize = 1500;
/// Pages that would lead in a circle, or do nothing for somebody who has signed in.
const POINTLESS: [&str; 3] = ["/sign-in", "/signed-out", "/welcome"];

/// The path to go to, if it is one of ours; else the front page.
pub(super) fn local_path(wanted: Option<&str>) -> &str {
    wanted.filter(|path| is_local(path)).unwrap_or("/")
}

fn is_local(path: &str) -> bool {
    let mut bytes = path.bytes();
    // `//host` names another host. Browsers read `\` as `/`, and leave out blanks and controls.
    let is_path = bytes.next() == Some(b'/') && bytes.next() != Some(b'/');
    let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let leads_on = !POINTLESS.iter().any(|start| path.starts_with(start));
    is_path && is_plain && leads_on && path.len() <= PATH_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_ours_are_gone_back_to() {
        for path in ["/", "/signins", "/signins?type=i&q=user:maria%20x", "/me", "/a//b", "/x#y"] {
            assert_eq!(local_path(Some(path)), path);
        }
        for other in [
            "",
            "signins",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/a\\..\\..\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            " //evil.example",
            "https://evil.example",
            "https:evil.example",
            "javascript:alert(1)",
            "/x\r\nSet-Cookie: a=b",
            "/ü",
            "/sign-in?return=/sign-in",
            "/welcome/abc",
        ] {
            assert_eq!(local_path(Some(other)), "/", "{other:?}");
        }
        assert_eq!(local_path(None), "/");
        let long = format!("/{}", "x".repeat(PATH_BYTES_MAX));
        assert_eq!(local_path(Some(&long)), "/");
    }
}
