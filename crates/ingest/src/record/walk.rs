//! The pass over a record.

use std::borrow::Cow;

use durward_model::batch::Row;
use durward_model::cell::Cell;
use durward_model::field::{FieldId, Log};
use durward_model::shape::Mark;
use durward_model::time::Timestamp;

use crate::limits::{JSON_DEPTH_MAX, LITERAL_BYTES_MAX, UNKNOWN_DEPTH_MAX, UNKNOWN_MEMBERS_MAX};
use crate::reading::{Habits, Reading, Spelling, read};
use crate::record::json::{JsonCache, Pending};
use crate::record::log;
use crate::record::parts::{Copied, Keep, Lend, MarkTexts, Memory, Source};
use crate::scan::{Fault, Quoted, Token, minify};
use crate::table::{Action, Entry, NameOrder, Node, TABLES, facts};

/// Why the pass stopped before the end of the object.
#[derive(Debug)]
pub(crate) enum Stop {
    Fault(Fault),
    /// It holds records and is none.
    Container {
        list: usize,
        tables: bool,
    },
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Stop {
        Stop::Fault(fault)
    }
}

/// A member that repeats another one, settled at the end of the record.
pub(crate) struct Hole<'a> {
    /// Where its mark goes in the shape; nowhere if that part was given up.
    pub(crate) at: Option<usize>,
    /// The field it repeats; `None` for the display name of whoever signed in.
    pub(crate) field: Option<FieldId>,
    pub(crate) reading: Reading<'a>,
    /// The value as it stands in the record.
    pub(crate) raw: Cow<'a, str>,
}

/// Where an object lies.
#[derive(Clone, Copy)]
struct Level {
    depth: usize,
    /// How many of the objects around it are unknown.
    unknown: usize,
}

/// What to go back to when a part of the shape is given up.
struct Checkpoint {
    shape: usize,
    extras: usize,
    holes: usize,
}

/// One record being read.
pub(crate) struct Walk<'r, 'a> {
    pub(crate) row: &'r mut Row<'a>,
    pub(crate) shape: String,
    pub(crate) holes: Vec<Hole<'a>>,
    pub(crate) pending: Vec<Pending>,
    pub(crate) marks: &'r mut MarkTexts,
    pub(crate) cache: &'r mut JsonCache,
    names: &'r mut NameOrder,
    pub(crate) habits: Habits,
    /// Bits of [`crate::table::facts`].
    pub(crate) facts: u16,
    /// The log that a table name stands for.
    pub(crate) table_log: Option<Log>,
    /// Is it called a sign-in?
    pub(crate) called_sign_in: bool,
    /// The tenant in a resource path.
    pub(crate) path_tenant: Option<Cow<'a, str>>,
    /// When an activity happened, in records of other logs.
    pub(crate) activity: Option<Timestamp>,
    /// The first other instant.
    pub(crate) other_time: Option<Timestamp>,
    /// Were all members texts so far?
    pub(crate) only_text: bool,
    inside_text: bool,
}

impl<'r, 'a> Walk<'r, 'a> {
    pub(crate) fn new(
        row: &'r mut Row<'a>,
        shape: String,
        habits: Habits,
        memory: &'r mut Memory,
    ) -> Self {
        let Memory { cache, marks, names } = memory;
        names.restart();
        Walk {
            row,
            shape,
            holes: Vec::with_capacity(8),
            pending: Vec::new(),
            marks,
            cache,
            names,
            habits,
            facts: 0,
            table_log: None,
            called_sign_in: false,
            path_tenant: None,
            activity: None,
            other_time: None,
            only_text: true,
            inside_text: false,
        }
    }

    /// Reads the object that begins `text`; gives its length.
    pub(crate) fn record(&mut self, text: &'a str, root: &Node) -> Result<usize, Stop> {
        let mut source = Source::new(text);
        if source.scanner.peek()? != b'{' {
            return Err(source.scanner.wrong("an object is expected").into());
        }
        self.members::<Lend>(&mut source, root, Level { depth: 0, unknown: 0 })?;
        let end = source.scanner.at;
        self.flush(&mut source, end);
        Ok(end)
    }

    /// Puts everything before `to` into the shape.
    #[inline]
    pub(crate) fn flush(&mut self, source: &mut Source<'_>, to: usize) {
        self.shape.push_str(source.scanner.slice(source.copied_to, to));
        source.copied_to = to;
    }

    /// Skips white space, which does not go into the shape.
    #[inline]
    fn blank(&mut self, source: &mut Source<'_>) -> Result<u8, Stop> {
        let byte = source.scanner.peek()?;
        if byte > b' ' {
            return Ok(byte);
        }
        let at = source.scanner.at;
        self.flush(source, at);
        let byte = source.scanner.blank()?;
        source.copied_to = source.scanner.at;
        Ok(byte)
    }

    /// Reads an object, its place at the opening bracket; gives the number of members.
    fn members<'t, K: Keep<'t, 'a>>(
        &mut self,
        source: &mut Source<'t>,
        node: &Node,
        level: Level,
    ) -> Result<usize, Stop> {
        if level.depth >= JSON_DEPTH_MAX {
            return Err(Fault::TooDeep.into());
        }
        source.scanner.at += 1;
        if self.blank(source)? == b'}' {
            source.scanner.at += 1;
            return Ok(0);
        }
        for count in 1.. {
            let name = source.scanner.string()?;
            if self.blank(source)? != b':' {
                return Err(source.scanner.wrong("a colon is expected").into());
            }
            source.scanner.at += 1;
            let byte = self.blank(source)?;
            let entry = match name.plain {
                true => self.names.find(node, name.inner()),
                false => node.find(&name.decode().0),
            };
            match byte {
                b'{' | b'[' => self.nested::<K>(source, name, entry, level)?,
                _ => self.leaf::<K>(source, name, entry, level)?,
            }
            match self.blank(source)? {
                b',' => source.scanner.at += 1,
                b'}' => {
                    source.scanner.at += 1;
                    return Ok(count);
                }
                _ => return Err(source.scanner.wrong("a comma or } is expected").into()),
            }
            self.blank(source)?;
        }
        Ok(0)
    }

    fn leaf<'t, K: Keep<'t, 'a>>(
        &mut self,
        source: &mut Source<'t>,
        name: Quoted<'t>,
        entry: Entry,
        level: Level,
    ) -> Result<(), Stop> {
        let start = source.scanner.at;
        let token = source.scanner.token()?;
        self.only_text &= matches!(token, Token::Text(_));
        // Unions of tables have every column in every row: only a value says something.
        if !matches!(token, Token::Null) && token.raw() != "\"\"" {
            self.facts |= entry.facts;
            let capital = name.raw.as_bytes().get(1).is_some_and(u8::is_ascii_uppercase);
            if capital && level.depth == 0 && entry.action != Action::Unknown {
                self.facts |= facts::PASCAL;
            }
        }
        let group = match entry.action {
            Action::Properties => Some(TABLES.graph),
            _ => entry.group,
        };
        if let (Some(group), Token::Text(quoted)) = (group, token)
            && self.object_in_text(source, start, quoted, group, level)?
        {
            return Ok(());
        }
        match entry.action {
            Action::Field(field) if field.field().kind.is_json() => {
                self.json_in_text(source, start, field, token)?;
            }
            Action::Field(field) => {
                let reading = self.read::<K>(field, token);
                self.settle(source, start, field, reading, token);
            }
            Action::Weak(field) => {
                let reading = self.read::<K>(field, token);
                self.repeat::<K>(source, start, Some(field), reading, token);
            }
            Action::Identity => {
                let reading = self.read::<K>(FieldId::UserDisplayName, token);
                self.repeat::<K>(source, start, None, reading, token);
            }
            Action::Constant
            | Action::ResourcePath
            | Action::TableName
            | Action::OperationName
            | Action::StatusWord => {
                self.telling_constant::<K>(entry.action, token);
                self.constant(source, start, token);
            }
            Action::Place => {
                self.place::<K>(token);
                self.unknown(source, start, token);
            }
            Action::ActivityTime => {
                self.activity = self.activity.or(self.instant(token));
                self.unknown(source, start, token);
            }
            Action::Unknown | Action::Container | Action::Properties => {
                if level.depth <= 1 && self.other_time.is_none() && names_an_instant(name) {
                    self.other_time = self.instant(token);
                }
                self.unknown(source, start, token);
            }
        }
        Ok(())
    }

    /// Learns what a constant says about the record.
    fn telling_constant<'t, K: Keep<'t, 'a>>(&mut self, action: Action, token: Token<'t>) {
        let Token::Text(quoted) = token else { return };
        match action {
            Action::ResourcePath => self.resource_path::<K>(quoted),
            Action::TableName => self.table_log = log::of_category(quoted.inner()),
            Action::OperationName => {
                self.called_sign_in |= quoted.inner().eq_ignore_ascii_case("Sign-in activity");
            }
            Action::StatusWord => self.status_word(quoted),
            _ => {}
        }
    }

    fn read<'t, K: Keep<'t, 'a>>(&self, field: FieldId, token: Token<'t>) -> Reading<'a> {
        let text = match token {
            Token::Text(quoted) => Some(K::decode(quoted)),
            _ => None,
        };
        read(field.field(), token, text, self.habits)
    }

    /// A field's own value: sets the cell unless it is set, and marks the shape.
    fn settle(
        &mut self,
        source: &mut Source<'_>,
        start: usize,
        field: FieldId,
        reading: Reading<'a>,
        token: Token<'_>,
    ) {
        let Reading { cell, mut spelling } = reading;
        let known = self.row.get(field);
        if known.is_null() {
            if !cell.is_null() {
                self.row.set(field, cell);
            }
        } else if !cell.is_null() && *known != cell {
            spelling = Spelling::Kept;
        }
        if spelling == Spelling::Literal {
            return;
        }
        self.flush(source, start);
        self.write(field, spelling, token.raw());
        source.copied_to = source.scanner.at;
    }

    /// Writes the mark for a spelling to the end of the shape.
    pub(crate) fn write(&mut self, field: FieldId, spelling: Spelling, raw: &str) {
        match spelling {
            Spelling::Value => self.shape.push_str(&self.marks.values[field as usize]),
            Spelling::Quoted => self.shape.push_str(&self.marks.quoted[field as usize]),
            Spelling::Time(style) => self.marks.time(field, style, &mut self.shape),
            Spelling::Literal => self.shape.push_str(raw),
            Spelling::Kept => self.keep(raw.to_owned()),
        }
    }

    /// Adds an extra and its mark.
    pub(crate) fn keep(&mut self, json: String) {
        // Extras of JSON fields are added after the pass, so all so far are the record's own.
        Mark::Extra(self.row.extras.len()).write(&mut self.shape);
        self.row.extras.push((None, json));
    }

    /// A value that repeats a field.
    fn repeat<'t, K: Keep<'t, 'a>>(
        &mut self,
        source: &mut Source<'t>,
        start: usize,
        field: Option<FieldId>,
        reading: Reading<'a>,
        token: Token<'t>,
    ) {
        if reading.cell.is_null() {
            if reading.spelling != Spelling::Literal {
                self.unknown(source, start, token);
            }
            return;
        }
        self.flush(source, start);
        source.copied_to = source.scanner.at;
        let at = Some(self.shape.len());
        self.holes.push(Hole { at, field, reading, raw: K::keep(token.raw()) });
    }

    fn constant(&mut self, source: &mut Source<'_>, start: usize, token: Token<'_>) {
        if token.raw().len() > LITERAL_BYTES_MAX {
            self.unknown(source, start, token);
        }
    }

    /// Keeps texts and numbers beside the event; the rest stays in the shape.
    fn unknown(&mut self, source: &mut Source<'_>, start: usize, token: Token<'_>) {
        if matches!(token, Token::Text(_) | Token::Number(_)) && token.raw() != "\"\"" {
            self.flush(source, start);
            self.keep(token.raw().to_owned());
            source.copied_to = source.scanner.at;
        }
    }

    fn resource_path<'t, K: Keep<'t, 'a>>(&mut self, quoted: Quoted<'t>) {
        let Some((prefix, rest)) = quoted.inner().split_at_checked("/tenants/".len()) else {
            return;
        };
        let tenant = rest.split('/').next().unwrap_or_default();
        if prefix.eq_ignore_ascii_case("/tenants/") && !tenant.is_empty() && quoted.plain {
            self.path_tenant = Some(K::keep(tenant));
        }
    }

    fn instant(&self, token: Token<'_>) -> Option<Timestamp> {
        let Token::Text(quoted) = token else { return None };
        Timestamp::parse(&quoted.decode().0, self.habits.order)
    }

    /// `City, State, CC`, where a city or state may be missing or hold commas.
    fn place<'t, K: Keep<'t, 'a>>(&mut self, token: Token<'t>) {
        let Token::Text(quoted) = token else { return };
        let (text, _) = K::decode(quoted);
        let mut parts = text.rsplitn(3, ',').map(str::trim);
        let (country, state, city) = (parts.next(), parts.next(), parts.next());
        for (field, part) in
            [(FieldId::CountryOrRegion, country), (FieldId::State, state), (FieldId::City, city)]
        {
            if let Some(part) = part.filter(|part| !part.is_empty()) {
                self.row.set(field, Cell::Text(part.to_owned().into()));
            }
        }
    }

    /// A word for success is a code of zero; the other words say no code.
    fn status_word(&mut self, quoted: Quoted<'_>) {
        let code = crate::formats::headers::is_success(&quoted.decode().0);
        if code && self.row.get(FieldId::ErrorCode).is_null() {
            let zero = Reading { cell: Cell::Int(0), spelling: Spelling::Literal };
            self.holes.push(Hole {
                at: None,
                field: Some(FieldId::ErrorCode),
                reading: zero,
                raw: Cow::Borrowed(""),
            });
        }
    }

    fn nested<'t, K: Keep<'t, 'a>>(
        &mut self,
        source: &mut Source<'t>,
        name: Quoted<'t>,
        entry: Entry,
        level: Level,
    ) -> Result<(), Stop> {
        let start = source.scanner.at;
        self.only_text = false;
        let object = source.scanner.peek()? == b'{';
        if matches!(entry.action, Action::Container) && !object && level.depth == 0 {
            let tables = name.inner().eq_ignore_ascii_case("tables");
            return Err(Stop::Container { list: start, tables });
        }
        let deeper = Level { depth: level.depth + 1, unknown: level.unknown };
        match entry {
            Entry { action: Action::Field(field), .. } if field.field().kind.is_json() => {
                self.facts |= entry.facts;
                self.json_value::<K>(source, field, deeper.depth)
            }
            Entry { action: Action::Properties, .. } if object => {
                self.facts |= facts::PROPERTIES;
                self.members::<K>(source, TABLES.node(TABLES.graph), deeper).map(|_| ())
            }
            Entry { group: Some(group), .. } if object => {
                self.members::<K>(source, TABLES.node(group), deeper).map(|_| ())
            }
            _ => {
                self.facts |= entry.facts;
                let deeper = Level { unknown: level.unknown + 1, ..deeper };
                self.unknown_nested::<K>(source, object, deeper)
            }
        }
    }

    fn unknown_nested<'t, K: Keep<'t, 'a>>(
        &mut self,
        source: &mut Source<'t>,
        object: bool,
        level: Level,
    ) -> Result<(), Stop> {
        let start = source.scanner.at;
        self.flush(source, start);
        let checkpoint = self.checkpoint();
        if object && level.unknown <= UNKNOWN_DEPTH_MAX {
            let count = self.members::<K>(source, &Node::default(), level)?;
            if count <= UNKNOWN_MEMBERS_MAX {
                return Ok(());
            }
        } else {
            source.scanner.skip(level.depth)?;
        }
        // Names and lengths that vary would make a shape each: such values are kept whole.
        let end = source.scanner.at;
        let json = minify(source.scanner.slice(start, end))?;
        self.roll_back(&checkpoint);
        if json.len() == 2 {
            self.shape.push_str(&json);
        } else {
            self.keep(json);
        }
        source.copied_to = end;
        Ok(())
    }

    fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            shape: self.shape.len(),
            extras: self.row.extras.len(),
            holes: self.holes.len(),
        }
    }

    fn roll_back(&mut self, to: &Checkpoint) {
        self.shape.truncate(to.shape);
        self.row.extras.truncate(to.extras);
        for hole in self.holes.iter_mut().skip(to.holes) {
            hole.at = None;
        }
    }

    /// Reads an object that stands inside a string (quirk 3). False if there is none.
    fn object_in_text(
        &mut self,
        source: &mut Source<'_>,
        start: usize,
        quoted: Quoted<'_>,
        group: u8,
        level: Level,
    ) -> Result<bool, Stop> {
        let (text, exact) = quoted.decode();
        if !text.trim_start().starts_with('{') || self.inside_text {
            return Ok(false);
        }
        let Ok(minified) = minify(&text) else { return Ok(false) };
        if group == TABLES.graph {
            self.facts |= facts::PROPERTIES;
        }
        self.flush(source, start);
        let checkpoint = self.checkpoint();
        Mark::TextStart.write(&mut self.shape);
        let mut inner = Source::new(&minified);
        let deeper = Level { depth: level.depth + 1, unknown: level.unknown };
        self.inside_text = true;
        let walked = self.members::<Copied>(&mut inner, TABLES.node(group), deeper);
        self.inside_text = false;
        walked?;
        let end = inner.scanner.at;
        self.flush(&mut inner, end);
        Mark::TextEnd.write(&mut self.shape);
        if !exact || minified != text {
            self.roll_back(&checkpoint);
            self.keep(quoted.raw.to_owned());
        }
        source.copied_to = source.scanner.at;
        Ok(true)
    }
}

/// Is a member of that name an instant?
pub(crate) fn names_an_instant(name: Quoted<'_>) -> bool {
    let name = name.inner().as_bytes();
    let tail = name.len().checked_sub(8).and_then(|from| name.get(from..));
    tail.is_some_and(|tail| tail.eq_ignore_ascii_case(b"DateTime"))
        || name.eq_ignore_ascii_case(b"timestamp")
}
