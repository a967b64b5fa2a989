//! What is stored of a request by which somebody asks for a right of theirs.

use crate::access::User;
use crate::schema::declare::{codes, entity};
use crate::schema::{Choice, DateTime, FieldType, OnDelete, Privacy, Reference, Text};

codes! {
    /// What is asked for.
    RightsKind {
        /// To know what is kept, and a copy of it (GDPR art. 15, PIPL art. 45, CCPA §1798.110).
        Access = "access", "查阅、复制", "Access";
        /// To correct or complete it (GDPR art. 16, PIPL art. 46, CCPA §1798.106).
        Rectification = "rectification", "更正、补充", "Rectification";
        /// To delete it (GDPR art. 17, PIPL art. 47, CCPA §1798.105).
        Erasure = "erasure", "删除", "Erasure";
        /// To keep it and do nothing else with it (GDPR art. 18, PIPL art. 44 and 47).
        Restriction = "restriction", "限制处理", "Restriction";
        /// That it is not used so (GDPR art. 21, PIPL art. 44).
        Objection = "objection", "反对处理", "Objection";
        /// To have it handed over in a form that machines read (GDPR art. 20, PIPL art. 45).
        Portability = "portability", "转移", "Portability";
        /// To take back a consent (GDPR art. 7(3), PIPL art. 15).
        Withdrawal = "withdrawal", "撤回同意", "Withdrawal of consent";
        /// That it is neither sold nor shared (CCPA §1798.120).
        OptOut = "opt_out", "拒绝出售或共享", "Opt-out of sale or sharing";
        /// To have the rules of its processing explained (PIPL art. 48, GDPR art. 15(1)(h)).
        Explanation = "explanation", "解释说明", "Explanation";
    }
}

codes! {
    /// The law by whose clock a request is answered.
    PrivacyLaw {
        /// The General Data Protection Regulation (EU) 2016/679.
        Gdpr = "gdpr", "欧盟《通用数据保护条例》", "GDPR";
        /// The California Consumer Privacy Act with the CPRA.
        Ccpa = "ccpa", "加州消费者隐私法", "CCPA/CPRA";
        /// The Personal Information Protection Law of China.
        Pipl = "pipl", "个人信息保护法", "PIPL";
        /// Another one, by the days of a setting.
        Other = "other", "其他", "Other";
    }
}

codes! {
    /// How a request came.
    RequestChannel {
        /// By e-mail.
        Email = "email", "电子邮件", "E-mail";
        /// By telephone.
        Phone = "phone", "电话", "Telephone";
        /// By post.
        Post = "post", "信函", "Post";
        /// In person.
        InPerson = "in_person", "当面", "In person";
        /// On a web page.
        Web = "web", "网页", "Web";
        /// In an app.
        App = "app", "应用程序", "App";
        /// By somebody who acts for the person.
        Agent = "agent", "代理人", "Agent";
    }
}

codes! {
    /// How far a request has come. That it is overdue follows from its clock.
    RightsStatus {
        /// It came in.
        Received = "received", "已收到", "Received";
        /// It is being found out whether it comes from the person.
        Verifying = "verifying", "核验身份", "Verifying identity";
        /// It is being worked on.
        InProgress = "in_progress", "处理中", "In progress";
        /// It was done.
        Fulfilled = "fulfilled", "已完成", "Fulfilled";
        /// It was refused, with a reason.
        Refused = "refused", "已拒绝", "Refused";
        /// Whoever asked took it back.
        Withdrawn = "withdrawn", "已撤回", "Withdrawn";
    }
}

entity! {
    /// A request by which a person, or somebody for that person, asks for a right that a law of data protection gives.
    /// It is made and changed by the methods of rights alone.
    RightsRequest = ("sys", 41, "rights_request", "个人权利请求", "Rights request",
        "个人（或其代理人）依据数据保护法提出的权利请求；仅通过专用方法创建和变更。", title "reference", data_subject true);
    /// By what people know the request, such as the number of a letter.
    REFERENCE: Text = 1, "reference", "编号", "Reference",
        "供人识别的编号，如来函编号。", [indexed = true, read_only = true];
    /// What is asked for.
    KIND: Choice<RightsKind> = 2, "kind", "请求类型", "Kind",
        "请求行使的权利。", [required = true, read_only = true];
    /// The law by whose clock it is answered.
    LAW: Choice<PrivacyLaw> = 3, "law", "适用法律", "Law",
        "据以计算期限的法律。", [required = true, read_only = true];
    /// How far it has come.
    STATUS: Choice<RightsStatus> = 4, "status", "状态", "Status",
        "目前的处理进展。", [required = true, read_only = true];
    /// The entity of the person's record, by API name.
    ENTITY: Text = 5, "subject_entity", "当事人所在实体", "Subject entity",
        "当事人记录所属实体，填写 API 名称。", [read_only = true];
    /// The person's record, by its id; none until it is known who asks.
    SUBJECT: Text = 6, "subject", "当事人", "Subject",
        "当事人记录的标识；身份未明时为空。", [indexed = true, read_only = true];
    /// How it came.
    CHANNEL: Choice<RequestChannel> = 7, "channel", "渠道", "Channel",
        "请求送达的方式。", [read_only = true];
    /// Who asks, where that is not the person or nobody knows the person yet.
    REQUESTER: Text = 8, "requester", "请求人", "Requester",
        "非本人提出或身份未明时的请求人。", [privacy = Privacy::Personal, read_only = true];
    /// What is asked for, in the words of the request.
    DETAILS: Text = 9, "details", "内容", "Details",
        "请求的原文或要点。", [privacy = Privacy::Personal, read_only = true];
    /// When it came, with which its clock begins.
    RECEIVED_AT: DateTime = 10, "received_at", "收到时间", "Received at",
        "请求送达的时刻，期限自此起算。", [required = true, read_only = true];
    /// By when it is answered.
    DUE_AT: DateTime = 11, "due_at", "答复期限", "Due at",
        "应答复的最后时刻。", [required = true, read_only = true];
    /// By when its receipt is confirmed, where the law says so.
    CONFIRM_BY: DateTime = 12, "confirm_by", "确认期限", "Confirm by",
        "法律要求确认收悉的最后时刻。", [read_only = true];
    /// When its receipt was confirmed.
    CONFIRMED_AT: DateTime = 13, "confirmed_at", "确认时间", "Confirmed at",
        "向请求人确认收悉的时刻。", [read_only = true];
    /// The moment by which it is answered, as long as it is not. By this it is found.
    OPEN_DUE: DateTime = 14, "open_due", "未结期限", "Open until",
        "未结请求的答复期限，据此检索。", [indexed = true, read_only = true];
    /// When more time was taken.
    EXTENDED_AT: DateTime = 15, "extended_at", "延期时间", "Extended at",
        "决定延长期限的时刻。", [read_only = true];
    /// Why more time is needed.
    EXTENSION_REASON: Text = 16, "extension_reason", "延期理由", "Extension reason",
        "延长期限的原因。", [read_only = true];
    /// When it was known that it comes from the person.
    VERIFIED_AT: DateTime = 17, "verified_at", "核验时间", "Verified at",
        "身份核验通过的时刻。", [read_only = true];
    /// Who found that out.
    VERIFIED_BY: Reference<User> = 18, "verified_by", "核验人", "Verified by",
        "完成身份核验的用户。", [read_only = true, on_delete = OnDelete::SetNull];
    /// By what that was found out, without copies of documents.
    VERIFIED_HOW: Text = 19, "verified_how", "核验方式", "Verified how",
        "核验身份所用的方式，不保存证件副本。", [read_only = true];
    /// When it was decided, or taken back.
    DECIDED_AT: DateTime = 20, "decided_at", "决定时间", "Decided at",
        "作出决定或撤回的时刻。", [read_only = true];
    /// Who decided.
    DECIDED_BY: Reference<User> = 21, "decided_by", "决定人", "Decided by",
        "作出决定的用户。", [read_only = true, on_delete = OnDelete::SetNull];
    /// What was done, or why it was refused.
    DECISION: Text = 22, "decision", "处理结果", "Decision",
        "所采取的措施或拒绝的理由。", [read_only = true];
    /// What the person was given, an attachment of the request.
    RESULT: Text = 23, "result", "结果文件", "Result",
        "交付当事人的文件，为本请求的附件。", [kind = FieldType::Attachment, read_only = true];
    /// The receipt of the erasure by which it was done, by its id.
    RECEIPT: Text = 24, "receipt", "删除凭证", "Receipt",
        "据以完成请求的删除凭证标识。", [read_only = true];
    /// When a restriction, objection or opt-out ended.
    LIFTED_AT: DateTime = 25, "lifted_at", "解除时间", "Lifted at",
        "限制、反对或拒绝失效的时刻。", [read_only = true];
    /// Why it ended.
    LIFT_REASON: Text = 26, "lift_reason", "解除理由", "Lift reason",
        "限制、反对或拒绝失效的原因。", [read_only = true];
}
