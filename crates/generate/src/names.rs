//! Invented people's names from many languages, and how they become account names.

use crate::dice::Dice;

const GIVEN: &[&str] = &[
    "Ana",
    "Zo\u{eb}",
    "Ji\u{159}\u{ed}",
    "Bj\u{f6}rn",
    "Amina",
    "Ravi",
    "Mei",
    "S\u{f8}ren",
    "In\u{e9}s",
    "Tom\u{e1}\u{161}",
    "Fatou",
    "Kenji",
    "Priya",
    "L\u{e1}szl\u{f3}",
    "Chlo\u{e9}",
    "Omar",
    "Ingrid",
    "Mateo",
    "Aoife",
    "Nikos",
    "Yusuf",
    "Hana",
    "Jo\u{e3}o",
    "Ren\u{e9}e",
    "Oluwaseun",
    "Siobhan",
    "Dmitar",
    "Leila",
    "Pablo",
    "Greta",
    "Wanjiru",
    "Minh",
    "Astrid",
    "Nadia",
    "Emre",
    "Clara",
    "Tariq",
    "Sofia",
    "Andr\u{e9}",
    "Mar\u{ed}a",
    "Kwame",
    "Elif",
    "Jonas",
    "Noor",
    "Vera",
    "Ivo",
    "Paloma",
    "Sven",
    "Thandiwe",
    "Marek",
    "Luc\u{ed}a",
    "Idris",
    "Freya",
    "Hiro",
    "Camille",
    "\u{c5}sa",
    "Gustav",
    "Rana",
    "Felix",
    "Ximena",
    "Arjun",
    "Bridget",
    "Caoimhe",
    "David",
    "Eszter",
    "Farah",
    "Giulia",
    "Hugo",
    "Ilse",
    "Jasmin",
    "Karim",
    "Lars",
    "Mirela",
    "Nils",
    "Odile",
    "Petra",
    "Quentin",
    "Ruth",
    "Samir",
    "Tove",
    "Uma",
    "Viktor",
    "Wei",
    "Yara",
    "Zden\u{11b}k",
    "Agnieszka",
    "Beno\u{ee}t",
    "Ciar\u{e1}n",
    "Do\u{11f}an",
    "Fran\u{e7}ois",
];

const FAMILY: &[&str] = &[
    "Almqvist",
    "Barros",
    "\u{10c}ern\u{fd}",
    "Dubois",
    "Eriksen",
    "Fern\u{e1}ndez",
    "Gr\u{fc}nwald",
    "Haddad",
    "Ivanovski",
    "Jansen",
    "K\u{f6}hler",
    "Lindgren",
    "M\u{fc}ller",
    "Nakagawa",
    "O'Byrne",
    "Petridis",
    "Quispe",
    "Rasmussen",
    "S\u{e1}nchez",
    "Tanaka",
    "Ulrich",
    "Varga",
    "Wieczorek",
    "Xu",
    "Yilmaz",
    "Zeman",
    "Adeyemi",
    "Bianchi",
    "Costa",
    "Demir",
    "Eklund",
    "Farouk",
    "Gon\u{e7}alves",
    "Hern\u{e1}ndez",
    "Iyer",
    "Juh\u{e1}sz",
    "Kamau",
    "Lef\u{e8}vre",
    "Moreau",
    "Nguyen",
    "Okafor",
    "Pham",
    "Qureshi",
    "Rossi",
    "Sato",
    "Tremblay",
    "Urbina",
    "Vandenberg",
    "Walsh",
    "Yamada",
    "Zieli\u{144}ska",
    "Achterberg",
    "Bergstr\u{f6}m",
    "Cardoso",
    "Devereux",
    "Espinoza",
    "Flanagan",
    "Gallo",
    "Horvat",
    "Ibrahim",
    "Jovi\u{107}",
    "Kowalczyk",
    "Larsen",
    "Mensah",
    "Novak",
    "\u{d6}zt\u{fc}rk",
    "Pereira",
    "Ramanathan",
    "Silva",
    "Tshabalala",
    "van der Meer",
    "Wu",
    "Zubiri",
    "Abara",
    "Brandt",
    "Castellanos",
    "Dlamini",
    "Engstr\u{f6}m",
    "Fontaine",
    "Gruber",
    "Hosseini",
    "Ishikawa",
    "Jim\u{e9}nez",
    "Karlsson",
    "Lundqvist",
    "Mart\u{ed}nez",
    "Nwosu",
    "Olsen",
    "Pavlovi\u{107}",
    "Reyes",
];

/// A given and a family name.
pub(crate) fn draw(dice: &mut Dice) -> (&'static str, &'static str) {
    (*dice.pick(GIVEN), *dice.pick(FAMILY))
}

/// The part of an account name before `@`: lower case, accents dropped, `number` added where
/// several people share a name.
pub(crate) fn account(given: &str, family: &str, number: u32) -> String {
    let mut account = String::new();
    fold(given, &mut account);
    account.push('.');
    fold(family, &mut account);
    if number > 0 {
        account.push_str(&(number + 1).to_string());
    }
    account
}

fn fold(name: &str, out: &mut String) {
    for letter in name.chars() {
        match letter {
            'a'..='z' => out.push(letter),
            'A'..='Z' => out.push(letter.to_ascii_lowercase()),
            '\u{e1}' | '\u{e3}' | '\u{e5}' | '\u{c5}' => out.push('a'),
            '\u{e7}' | '\u{107}' | '\u{10c}' => out.push('c'),
            '\u{e8}' | '\u{e9}' | '\u{eb}' | '\u{11b}' => out.push('e'),
            '\u{11f}' => out.push('g'),
            '\u{ed}' | '\u{ee}' => out.push('i'),
            '\u{144}' => out.push('n'),
            '\u{f3}' | '\u{f6}' | '\u{f8}' | '\u{d6}' => out.push('o'),
            '\u{159}' => out.push('r'),
            '\u{161}' => out.push('s'),
            '\u{fc}' => out.push('u'),
            '\u{fd}' => out.push('y'),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_names_are_ascii_and_keep_every_letter() {
        assert_eq!(account("Ji\u{159}\u{ed}", "\u{10c}ern\u{fd}", 0), "jiri.cerny");
        assert_eq!(account("Zo\u{eb}", "van der Meer", 2), "zoe.vandermeer3");
        for name in GIVEN.iter().chain(FAMILY) {
            let mut folded = String::new();
            fold(name, &mut folded);
            let letters = name.chars().filter(|c| c.is_alphabetic()).count();
            assert_eq!(folded.len(), letters, "{name}");
        }
    }
}
