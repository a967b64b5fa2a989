//! Texts of methods on purposes, consents, holds, retention and the report of compliance.

use super::words;

words! {
    "Puts a purpose into the register, or changes the one of its code; what is not said stays as it is."
        => "登记一个处理目的，或更改该代码的目的；未指定的内容保持不变。";
    "The stable code, by which fields and consents name it."
        => "稳定代码，字段与同意记录据此引用。";
    "What it is called in Chinese."
        => "中文名称。";
    "What it is called in English."
        => "英文名称。";
    "`consent`, `contract`, `legal_obligation`, `vital_interest`, `public_task`, `legitimate_interest`, \
     `published_information`."
        => "`consent`、`contract`、`legal_obligation`、`vital_interest`、`public_task`、`legitimate_interest`、`published_information` 中的若干项。";
    "What is done for it, in the words of the notice to people."
        => "告知个人的处理说明。";
    "How long data is kept for it, in words."
        => "保存期限的文字说明。";
    "Whether data is still used for it."
        => "是否仍用于该目的。";
    "Lists the purposes of the register, and those that fields name without being in it (`id` is null), \
     each with the fields that serve it and where the laws have its bases."
        => "列出已登记的处理目的，以及字段引用但未登记的目的（`id` 为空），并给出服务于各目的的字段和各合法\
         性基础对应的法条。";
    "Records what a person said on the use of their data: giving and withdrawing are one call by one right, \
     that to change the person's record. Nothing that was recorded is changed by it."
        => "记录个人对其信息处理的表示：同意与撤回是同一调用、同一权限，即修改该个人记录的权限。已有记录不会\
         因此更改。";
    "The entity of the person."
        => "个人所属的实体。";
    "The person."
        => "个人。";
    "The purpose; all of them if not said, which no consent is given for."
        => "处理目的；未指定时为全部目的，但不能对全部目的作出同意。";
    "`any`, `email`, `sms`, `phone`, `post`, `messenger`, `app`, `in_person`, `export` or `processing`."
        => "`any`、`email`、`sms`、`phone`、`post`、`messenger`、`app`、`in_person`、`export` 或 `processing`。";
    "`given`, `withdrawn`, `objected`, `objection_ended`, `restricted` or `restriction_ended`."
        => "`given`、`withdrawn`、`objected`、`objection_ended`、`restricted` 或 `restriction_ended`。";
    "When the person said it, RFC 3339; now if not said."
        => "个人作出表示的时刻，RFC 3339；未指定时为当前。";
    "The text that the person was shown."
        => "向个人展示的文本。";
    "The version of that text."
        => "该文本的版本。";
    "How it was said: a form, a call, a letter."
        => "作出表示的方式，如表单、电话或书面。";
    "An attachment of the person's record that shows it."
        => "可资证明的附件，附于该个人记录。";
    "What else is to be said."
        => "其他说明。";
    "Says whether data of a person may be used for a purpose by a channel, and why. A host asks before each \
     message and each export. Of a person who was deleted or erased, or whom one does not see, it says \
     `record.not_found`, so that nothing is sent."
        => "说明可否为某目的、经某渠道使用某人的信息及其理由。宿主程序在每次发送和导出之前询问。对已删除、已\
         抹除或无权查看的个人返回 `record.not_found`，因此不会发送。";
    "The purpose."
        => "处理目的。";
    "One channel."
        => "一个渠道。";
    "The moment, RFC 3339; now if not said."
        => "时刻，RFC 3339；未指定时为当前。";
    "Lists what a person said, in the order in which it was recorded, for whoever sees the person."
        => "按记录的先后列出某人的表示，供有权查看该人的用户使用。";
    "Most rows; 100 if not said, 1000 at the most."
        => "最多行数；未指定时为 100，最大 1000。";
    "Places a legal hold on a record, or on the records of an entity that meet a condition, those that come \
     later among them: while it holds, nobody deletes, purges or erases them. It takes the right to \
     administer the record, or all records of the entity."
        => "对一条记录，或某实体中符合条件的记录（包括此后新增的）施加法律保全：保全期间任何人不得删除、清除\
         或抹除。需要管理该记录的权限，或管理该实体全部记录的权限。";
    "The record; records of the entity if not said."
        => "记录；未指定时为该实体的记录。";
    "Those of them alone for which this expression is true."
        => "仅限该表达式成立的记录。";
    "Why: the case, the order of a court, the inquiry."
        => "原因：案号、法院裁定或调查。";
    "From when on no longer, RFC 3339; until it is released if not said."
        => "自何时起不再有效，RFC 3339；未指定时直至解除。";
    "Releases a legal hold from now on. It stays among those that were, with who released it and why."
        => "自现在起解除法律保全。该保全及其解除人和原因仍予保留。";
    "The hold."
        => "保全。";
    "Lists legal holds on the entities of which one administers all records. A page may be empty, and more to come."
        => "列出本人管理其全部记录的实体上的法律保全。某一页可能为空而其后仍有内容。";
    "The entity; all of them if not said."
        => "实体；未指定时为全部。";
    "Those that are over among them; no if not said."
        => "是否包括已结束的；未指定时为否。";
    "Lists the legal holds that keep a record now, for who administers it."
        => "列出当前保全某记录的法律保全，供管理该记录的人使用。";
    "Tells what a rule of retention would remove, and what of it stays and why: `hold`, `locked`, `minimum` \
     with the rule that keeps it longer. Nothing is removed."
        => "说明某保存规则将移除哪些记录，哪些保留及其原因：`hold`、`locked`、`minimum`（并注明要求更长期限\
         的规则）。不移除任何内容。";
    "The code of the rule."
        => "规则代码。";
    "Removes what active rules of retention are about, in chunks between which others write; each removal \
     is in the ledger with the rule as its cause. What is held, locked, kept longer by another rule, or \
     cannot be removed stays, and the first hundred of it are told. A host calls it from time to time, and \
     again with the cursor of a rule while there is one."
        => "执行启用的保存规则，分批移除记录，批次之间他人可写入；每次移除均以规则为原因记入账本。处于保全、\
         已锁定、按其他规则须更久保存或无法移除的记录予以保留，并列出前一百条。宿主程序定期调用；规则返回\
         游标时再次调用。";
    "The code of a rule; all active ones if not said."
        => "规则代码；未指定时为全部启用的规则。";
    "Most records that are looked at; 10000 if not said, and at the most."
        => "最多查看的记录数；未指定时为 10000，亦为上限。";
    "Where the call before stopped, of one rule."
        => "上一次调用在某规则停下的位置。";
    "The report of compliance: what is overdue, exported, changed in rights, shared without an end, without \
     a purpose, withdrawn, without a contract, and held. A section that walks over much stops at its bound \
     and says where to go on; counts are those of the part."
        => "合规报告：逾期、导出、权限变更、无期限共享、未登记目的、撤回、无合同以及保全等情况。需遍历大量内\
         容的部分到上限即停，并注明从何处继续；数量仅为该段之数。";
    "From this moment on, in RFC 3339; the last thirty days if not said."
        => "自该时刻起，RFC 3339；未指定时为最近三十天。";
    "Before this moment; up to now if not said."
        => "该时刻之前；未指定时至当前。";
    "From how many days without a sign-in on a user is told; 90 if not said."
        => "连续多少天未登录即列出用户；未指定时为 90。";
    "These sections alone, by code; all of them if not said."
        => "仅限这些部分，以代码指定；未指定时为全部。";
    "Where sections of the call before stopped, by code."
        => "上一次调用各部分停下的位置，按代码给出。";
    "Most rows of a section; 1000 if not said, and at the most."
        => "每部分最多行数；未指定时为 1000，亦为上限。";
    "`json`, `csv` or `markdown`, of which the latter two come as `text`; `json` if not said."
        => "`json`、`csv` 或 `markdown`，后两者以 `text` 返回；未指定时为 `json`。";
    "Looks through texts of fields whose class is none for what looks like personal data: phone numbers, \
     e-mail addresses, identity numbers of residents of China and numbers of bank cards. It tells field, \
     kind, how many, and some of the records, and never a value. Entities of which one does not read \
     everything are skipped."
        => "在未声明为个人信息的字段文本中查找疑似个人信息：电话号码、电子邮件地址、居民身份证号和银行卡号。\
         只给出字段、种类、数量和部分记录，从不给出内容。不能读取其全部内容的实体会跳过。";
    "The same as `privacy.discover` over several partitions: that of the user, and those of the service accounts \
     whose tokens are given. Each account looks through its own partition with its own rights, and it is told of \
     each what was found there and whether it was covered: `before`, `complete`, `part` or `waiting`."
        => "在多个数据分区中执行 `privacy.discover`：用户所在的分区，以及所给令牌对应服务账号的分区。每个账号以自身权限查找所在\
         分区，并逐一说明各分区的结果及覆盖情况：`before`、`complete`、`part` 或 `waiting`。";
    "Tokens of service accounts, one of each other partition."
        => "服务账号的令牌，其他每个分区一个。";
    "These entities; all of them if not said."
        => "这些实体；未指定时为全部。";
    "Most records of this call; 10000 if not said, 100000 at the most."
        => "本次调用最多处理的记录数；未指定时为 10000，最大 100000。";
}
