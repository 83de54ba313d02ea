//! State by key that can be tried out and taken back.
//!
//! What is settled is in `base`. While the newest part of the log is looked at again and again
//! (because records arrive late), changes go to a branch: a value is copied on its first change,
//! and the branch is dropped to begin anew. See [`crate::fold`].

use hashbrown::HashMap;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// State that a [`crate::Fold`] keeps for a detection.
pub trait State: Send {
    /// From now on changes can be taken back.
    fn branch(&mut self);
    /// Takes back what was changed since [`State::branch`].
    fn rollback(&mut self);
    /// Forgets what was last touched before an instant (µs). Only while there is no branch.
    fn prune(&mut self, before_micros: i64);
    /// Appends the settled state.
    fn save(&self, out: &mut Vec<u8>) -> Result<(), postcard::Error>;
    /// Reads what [`State::save`] wrote, and gives the rest.
    fn load<'a>(&mut self, from: &'a [u8]) -> Result<&'a [u8], postcard::Error>;
    /// How many values there are.
    fn size(&self) -> usize;
}

/// When a value was last touched, µs since 1970.
pub trait Touched {
    /// Older values go first.
    fn touched_micros(&self) -> i64;
}

/// A bounded map from stable keys (see [`crate::facts`]) to values.
#[derive(Clone, Debug)]
pub struct Keyed<V> {
    base: HashMap<u64, V>,
    branch: Option<HashMap<u64, V>>,
    most: usize,
}

impl<V: Clone + Default + Touched> Keyed<V> {
    /// For at most so many keys; beyond that, those untouched longest go.
    pub fn new(most: usize) -> Keyed<V> {
        Keyed { base: HashMap::new(), branch: None, most: most.max(2) }
    }

    /// The value of a key.
    pub fn get(&self, key: u64) -> Option<&V> {
        let changed = self.branch.as_ref().and_then(|branch| branch.get(&key));
        changed.or_else(|| self.base.get(&key))
    }

    /// The value of a key, to be changed; a default one where there is none.
    pub fn entry(&mut self, key: u64) -> &mut V {
        match &mut self.branch {
            Some(branch) => {
                let base = &self.base;
                branch.entry(key).or_insert_with(|| base.get(&key).cloned().unwrap_or_default())
            }
            None => {
                if self.base.len() >= self.most && !self.base.contains_key(&key) {
                    drop_oldest(&mut self.base);
                }
                self.base.entry(key).or_default()
            }
        }
    }

    /// All keys and values, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &V)> {
        let branch = self.branch.as_ref();
        let unchanged = self
            .base
            .iter()
            .filter(move |(key, _)| branch.is_none_or(|branch| !branch.contains_key(*key)));
        unchanged.chain(branch.into_iter().flatten()).map(|(key, value)| (*key, value))
    }
}

/// Drops the half that was touched longest ago: rare, and cheap by the key.
fn drop_oldest<V: Touched>(values: &mut HashMap<u64, V>) {
    // The key decides between equals, so that two runs drop the same.
    let mut ages: Vec<(i64, u64)> =
        values.iter().map(|(key, value)| (value.touched_micros(), *key)).collect();
    let middle = ages.len() / 2;
    let (_, &mut border, _) = ages.select_nth_unstable(middle);
    values.retain(|key, value| (value.touched_micros(), *key) >= border);
}

impl<V> State for Keyed<V>
where
    V: Clone + Default + Touched + Serialize + DeserializeOwned + Send,
{
    fn branch(&mut self) {
        self.branch = Some(HashMap::new());
    }

    fn rollback(&mut self) {
        self.branch = None;
    }

    fn prune(&mut self, before_micros: i64) {
        debug_assert!(self.branch.is_none(), "what is settled does not change under a branch");
        self.base.retain(|_, value| value.touched_micros() >= before_micros);
    }

    fn save(&self, out: &mut Vec<u8>) -> Result<(), postcard::Error> {
        let bytes = postcard::to_allocvec(&self.base)?;
        out.extend(bytes);
        Ok(())
    }

    fn load<'a>(&mut self, from: &'a [u8]) -> Result<&'a [u8], postcard::Error> {
        let (base, rest) = postcard::take_from_bytes(from)?;
        (self.base, self.branch) = (base, None);
        Ok(rest)
    }

    fn size(&self) -> usize {
        self.base.len()
    }
}

/// Two states are one.
impl<A: State, B: State> State for (A, B) {
    fn branch(&mut self) {
        self.0.branch();
        self.1.branch();
    }

    fn rollback(&mut self) {
        self.0.rollback();
        self.1.rollback();
    }

    fn prune(&mut self, before_micros: i64) {
        self.0.prune(before_micros);
        self.1.prune(before_micros);
    }

    fn save(&self, out: &mut Vec<u8>) -> Result<(), postcard::Error> {
        self.0.save(out)?;
        self.1.save(out)
    }

    fn load<'a>(&mut self, from: &'a [u8]) -> Result<&'a [u8], postcard::Error> {
        let rest = self.0.load(from)?;
        self.1.load(rest)
    }

    fn size(&self) -> usize {
        self.0.size() + self.1.size()
    }
}

/// No state: for what one event tells.
impl State for () {
    fn branch(&mut self) {}
    fn rollback(&mut self) {}
    fn prune(&mut self, _: i64) {}
    fn save(&self, _: &mut Vec<u8>) -> Result<(), postcard::Error> {
        Ok(())
    }
    fn load<'a>(&mut self, from: &'a [u8]) -> Result<&'a [u8], postcard::Error> {
        Ok(from)
    }
    fn size(&self) -> usize {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Count(i64);

    impl Touched for Count {
        fn touched_micros(&self) -> i64 {
            self.0
        }
    }

    #[test]
    fn a_branch_is_taken_back_and_leaves_nothing() {
        let mut counts = Keyed::<Count>::new(10);
        counts.entry(1).0 = 5;
        counts.branch();
        counts.entry(1).0 = 6;
        counts.entry(2).0 = 1;
        assert_eq!((counts.get(1), counts.get(2)), (Some(&Count(6)), Some(&Count(1))));
        assert_eq!(counts.iter().map(|(_, count)| count.0).sum::<i64>(), 7);
        counts.rollback();
        assert_eq!((counts.get(1), counts.get(2)), (Some(&Count(5)), None));
    }

    #[test]
    fn it_stays_within_its_bound_and_keeps_the_newest() {
        let mut counts = Keyed::<Count>::new(100);
        for key in 0..10_000 {
            counts.entry(key).0 = key as i64;
            assert!(counts.size() <= 100);
        }
        assert!(counts.get(9_999).is_some() && counts.get(5_000).is_none());
    }

    #[test]
    fn it_comes_back_as_it_was_saved() {
        let mut both = (Keyed::<Count>::new(10), Keyed::<Count>::new(10));
        both.0.entry(7).0 = 1;
        both.1.entry(8).0 = 2;
        let mut bytes = Vec::new();
        both.save(&mut bytes).unwrap();
        bytes.push(42);
        let mut again = (Keyed::<Count>::new(10), Keyed::<Count>::new(10));
        assert_eq!(again.load(&bytes).unwrap(), [42]);
        assert_eq!((again.0.get(7), again.1.get(8)), (Some(&Count(1)), Some(&Count(2))));
        both.prune(2);
        assert_eq!((both.0.get(7), both.1.get(8)), (None, Some(&Count(2))));
    }
}
