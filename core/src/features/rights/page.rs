//! A package as a page that people read: HTML without scripts, in one of the languages, with the labels of the registry.

use std::io::Write;

use serde_json::Value as Json;

use crate::base::{Locale, Result};

/// What stands on the page in a language.
struct Words {
    title: &'static str,
    sections: [(&'static str, &'static str); 7],
    nothing: &'static str,
    left_out: &'static str,
    kinds: [(&'static str, &'static str); 7],
    by: &'static str,
    file: &'static str,
}

const ENGLISH: Words = Words {
    title: "Personal data",
    sections: [
        ("records", "Records"),
        ("history", "Changes"),
        ("attachments", "Attachments"),
        ("comments", "Comments"),
        ("corrections", "Requests for corrections"),
        ("flags", "What the person asked for"),
        ("ledger", "Other entries of the ledger"),
    ],
    nothing: "None.",
    left_out: "Left out, because whoever made this may not see or hand it out",
    kinds: [
        ("entities", "whole kinds of records"),
        ("records", "single records"),
        ("not_exportable", "records that may not be exported"),
        ("hidden_fields", "hidden fields"),
        ("masked_fields", "masked fields"),
        ("ledger", "entries of the ledger"),
        ("attachment_contents", "contents of attachments"),
    ],
    by: "refers by",
    file: "file",
};

const CHINESE: Words = Words {
    title: "个人信息",
    sections: [
        ("records", "记录"),
        ("history", "变更"),
        ("attachments", "附件"),
        ("comments", "评论"),
        ("corrections", "更正申请"),
        ("flags", "本人提出的要求"),
        ("ledger", "审计日志的其他条目"),
    ],
    nothing: "无。",
    left_out: "因制作者无权查看或导出而未包含",
    kinds: [
        ("entities", "某些类别的记录"),
        ("records", "个别记录"),
        ("not_exportable", "不可导出的记录"),
        ("hidden_fields", "隐藏的字段"),
        ("masked_fields", "脱敏的字段"),
        ("ledger", "审计日志条目"),
        ("attachment_contents", "附件内容"),
    ],
    by: "通过字段引用",
    file: "文件",
};

/// The page on its way.
pub(super) struct Page<W: Write> {
    out: W,
    locale: Locale,
    words: &'static Words,
    section: &'static str,
    items: u64,
}

impl<W: Write> Page<W> {
    pub fn new(out: W, locale: Locale) -> Self {
        let words = match locale {
            Locale::English => &ENGLISH,
            Locale::SimplifiedChinese => &CHINESE,
        };
        Self { out, locale, words, section: "", items: 0 }
    }

    pub fn begin(&mut self, head: &Json) -> Result<()> {
        let language = match self.locale {
            Locale::English => "en",
            Locale::SimplifiedChinese => "zh-Hans",
        };
        let subject = head.get("subject");
        let name = text(subject.and_then(|subject| subject.get("title")));
        let title = self.words.title;
        write!(
            self.out,
            "<!DOCTYPE html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
             <style>body{{font-family:sans-serif;max-width:60em;margin:2em auto}}table{{border-collapse:collapse}}\
             td,th{{border:1px solid #ccc;padding:.2em .6em;text-align:left;vertical-align:top}}</style>\n\
             </head>\n<body>\n<h1>{title}: {}</h1>\n<p>{}</p>\n",
            escaped(&name),
            escaped(&text(head.get("made_at")))
        )?;
        Ok(())
    }

    pub fn section(&mut self, name: &'static str) -> Result<()> {
        self.close()?;
        (self.section, self.items) = (name, 0);
        let label = named(&self.words.sections, name);
        Ok(writeln!(self.out, "<h2>{label}</h2>")?)
    }

    fn close(&mut self) -> Result<()> {
        if !self.section.is_empty() && self.items == 0 {
            writeln!(self.out, "<p>{}</p>", self.words.nothing)?;
        }
        Ok(())
    }

    pub fn item(&mut self, item: &Json) -> Result<()> {
        self.items = self.items.saturating_add(1);
        match self.section {
            "records" => self.record(item),
            "history" => self.version(item),
            "attachments" => self.attachment(item),
            _ => self.plain(item),
        }
    }

    fn record(&mut self, item: &Json) -> Result<()> {
        let heading = format!("{}: {}", text(item.get("label")), text(item.get("title")));
        writeln!(self.out, "<h3>{}</h3>", escaped(&heading))?;
        if let Some(by) = item.get("refers_by_label").and_then(Json::as_str) {
            writeln!(self.out, "<p>{}: {}</p>", self.words.by, escaped(by))?;
        }
        writeln!(self.out, "<table>")?;
        for field in item.get("fields").and_then(Json::as_array).into_iter().flatten() {
            let (label, value) = (text(field.get("label")), text(field.get("text")));
            writeln!(self.out, "<tr><th>{}</th><td>{}</td></tr>", escaped(&label), escaped(&value))?;
        }
        Ok(writeln!(self.out, "</table>")?)
    }

    fn version(&mut self, item: &Json) -> Result<()> {
        let parts = ["at", "label", "kind"].map(|name| escaped(&text(item.get(name))));
        writeln!(self.out, "<p>{}</p>\n<ul>", parts.join(" · "))?;
        for change in item.get("changes").and_then(Json::as_array).into_iter().flatten() {
            let parts = ["label", "old_text", "new_text"].map(|name| escaped(&text(change.get(name))));
            let [label, old, new] = parts;
            writeln!(self.out, "<li>{label}: {old} → {new}</li>")?;
        }
        Ok(writeln!(self.out, "</ul>")?)
    }

    fn attachment(&mut self, item: &Json) -> Result<()> {
        let name = escaped(&text(item.get("name")));
        let size = escaped(&text(item.get("size")));
        match item.get("file").and_then(Json::as_str) {
            Some(file) => {
                let words = self.words.file;
                writeln!(self.out, "<p>{name} ({size}) — <a href=\"{}\">{words}</a></p>", escaped(file))?;
            }
            None => writeln!(self.out, "<p>{name} ({size})</p>")?,
        }
        Ok(())
    }

    fn plain(&mut self, item: &Json) -> Result<()> {
        let members = item.as_object().into_iter().flatten().filter(|(_, member)| !member.is_null());
        let parts: Vec<String> =
            members.map(|(name, member)| escaped(&format!("{name}: {}", text(Some(member))))).collect();
        Ok(writeln!(self.out, "<p>{}</p>", parts.join(" · "))?)
    }

    pub fn end(&mut self, tail: &Json) -> Result<()> {
        self.close()?;
        let left_out = tail.get("left_out").and_then(Json::as_array).into_iter().flatten();
        let kinds: Vec<&str> =
            left_out.filter_map(Json::as_str).map(|kind| named(&self.words.kinds, kind)).collect();
        if !kinds.is_empty() {
            writeln!(self.out, "<h2>{}</h2>\n<p>{}</p>", self.words.left_out, kinds.join(" · "))?;
        }
        writeln!(self.out, "</body>\n</html>")?;
        Ok(self.out.flush()?)
    }
}

fn named(words: &'static [(&'static str, &'static str)], name: &str) -> &'static str {
    words.iter().find(|(known, _)| *known == name).map_or("", |(_, word)| word)
}

/// A member as text: a text is itself, nothing is empty.
fn text(member: Option<&Json>) -> String {
    match member {
        None | Some(Json::Null) => String::new(),
        Some(Json::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// A text that no browser takes for anything else.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
