//! Receipts of erasures as people read them.

use crate::base::Locale;
use crate::engine::{ErasureReceipt, Remaining};

impl ErasureReceipt {
    /// The receipt as Markdown. It names nobody but by id.
    #[must_use]
    pub fn readable(&self, locale: Locale) -> String {
        let words = Words::of(locale);
        let statement = &self.statement;
        let mut lines = vec![format!("# {}", words.title), String::new()];
        let mut line = |label: &str, value: &str| lines.push(format!("- {label}: {value}"));
        line(words.subject, &format!("{} {}", statement.entity, statement.subject));
        line(words.at, &statement.at);
        line(words.by, &statement.by);
        if let Some(basis) = &statement.basis {
            line(words.basis, &one_line(basis));
        }
        if let Some(request) = &statement.request {
            line(words.request, request);
        }
        if let Some(rule) = &statement.rule {
            line(words.rule, rule);
        }
        line(words.keys, &statement.keys_destroyed.to_string());
        for of in &statement.affected {
            let counts =
                [(words.erased, of.erased), (words.deleted, of.deleted), (words.changed, of.changed)];
            let counts: Vec<String> = counts
                .iter()
                .filter(|(_, count)| *count > 0)
                .map(|(word, count)| format!("{word} {count}"))
                .collect();
            line(&of.entity, &counts.join(", "));
        }
        line(words.attachments, &statement.attachments.to_string());
        line(words.entry, &format!("{}, {}", statement.position, statement.hash));
        let signed = self.signature.as_ref().map_or(words.unsigned, |signature| signature.algorithm.as_str());
        line(words.signature, signed);
        lines.extend([String::new(), format!("## {}", words.remaining), String::new()]);
        lines.extend(statement.remaining.iter().map(|left| format!("- {}", told(*left, locale))));
        lines.push(String::new());
        lines.join("\n")
    }
}

/// A text that stays within its line and is no mark of its own.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

struct Words {
    title: &'static str,
    subject: &'static str,
    at: &'static str,
    by: &'static str,
    basis: &'static str,
    request: &'static str,
    rule: &'static str,
    keys: &'static str,
    erased: &'static str,
    deleted: &'static str,
    changed: &'static str,
    attachments: &'static str,
    entry: &'static str,
    signature: &'static str,
    unsigned: &'static str,
    remaining: &'static str,
}

impl Words {
    fn of(locale: Locale) -> Self {
        match locale {
            Locale::English => Self {
                title: "Receipt of an erasure",
                subject: "Subject",
                at: "At",
                by: "By",
                basis: "Basis",
                request: "Request",
                rule: "Rule of retention",
                keys: "Keys destroyed",
                erased: "erased",
                deleted: "deleted",
                changed: "changed",
                attachments: "Attachments taken away",
                entry: "Entry of the ledger, and the chain's hash there",
                signature: "Signature",
                unsigned: "none",
                remaining: "What may be left, and until when",
            },
            Locale::SimplifiedChinese => Self {
                title: "删除凭证",
                subject: "当事人",
                at: "时间",
                by: "操作人",
                basis: "依据",
                request: "请求",
                rule: "保存规则",
                keys: "已销毁密钥数",
                erased: "已清空",
                deleted: "已删除",
                changed: "已变更",
                attachments: "已移除附件数",
                entry: "账本位置及该处链哈希",
                signature: "签名",
                unsigned: "无",
                remaining: "可能暂存之处及其期限",
            },
        }
    }
}

fn told(left: Remaining, locale: Locale) -> &'static str {
    match (left, locale) {
        (Remaining::KeyBackups, Locale::English) => {
            "backups of the keys of persons that were made before, until they are deleted"
        }
        (Remaining::KeyBackups, Locale::SimplifiedChinese) => "此前制作的个人密钥备份，至其被删除为止",
        (Remaining::FileCopies, Locale::English) => {
            "copies of the files that were made outside of the engine"
        }
        (Remaining::FileCopies, Locale::SimplifiedChinese) => "在引擎之外复制的数据库文件",
        (Remaining::FreedPages, Locale::English) => {
            "freed pages of the files, encrypted, until the database is compacted"
        }
        (Remaining::FreedPages, Locale::SimplifiedChinese) => "文件中已释放的加密页面，至数据库压缩为止",
        (Remaining::SearchIndex, Locale::English) => {
            "parts of the search index, encrypted, until it is purged or they are merged"
        }
        (Remaining::SearchIndex, Locale::SimplifiedChinese) => "搜索索引的加密分段，至清理或合并为止",
        (Remaining::OtherRecords, Locale::English) => {
            "what other records say of the person in fields of theirs, until it is put right there"
        }
        (Remaining::OtherRecords, Locale::SimplifiedChinese) => {
            "其他记录字段中提及本人的内容，至其被更正为止"
        }
    }
}
