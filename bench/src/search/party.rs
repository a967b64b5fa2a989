//! The records of the group: companies and people, half of them Chinese, each made from its number alone, so that both
//! sides get the same ones.
//!
//! Names are as those of registers are: a place, a mark of two or three characters, a trade and a legal form, where few
//! marks, surnames and trades are frequent and most are rare.

use crate::crm::{draw, pick};

/// People who own records.
pub const OWNERS: usize = 50;
/// The owners whose records the manager sees: a fifth of all.
pub const TEAM: usize = 10;
/// Of ten records so many are companies.
const COMPANIES: usize = 6;

const PLACES: [&str; 20] = [
    "上海", "北京", "深圳", "广州", "杭州", "苏州", "成都", "南京", "武汉", "重庆", "天津", "西安", "青岛",
    "宁波", "无锡", "长沙", "厦门", "合肥", "郑州", "佛山",
];
/// Characters of marks, the frequent ones first.
const MARKS: &str = "华盛天新瑞丰恒达安信金泰德源嘉诚宏远东方海博明兴润中创联利和云正顺鑫万福润通优美佳隆科光亚锦\
    凯立富康永生百汇星龙普英世宇飞鸿祥景乐元大启智卓航腾景泓晟浩辰铭逸尚品雅涵沐颐禾森林溪川岳峰岭松柏桐枫桦槐橡\
    棠梓榆樱荷莲菊兰竹梅茗芷蓝青紫赤朱丹墨白银铜铁钢钧铂锐镁钛钰珏珂珺琪琳瑜瑾璞璟瓯瓷砚硕磐磊稷穗籁粤纬经纶绎维\
    绮缘翎翔翼耀聚肯航舜舟艺芯苑若范荣莱菲萃葆蒂蓓蔚蕴藤虹蜀衡裕誉谊谦豪贝贤赛越跃路轩辉辽达迅迈迪逊道遥邦郎都";
const TRADES: [&str; 32] = [
    "科技",
    "贸易",
    "信息科技",
    "网络科技",
    "商贸",
    "实业",
    "投资管理",
    "企业服务",
    "企业管理咨询",
    "建筑工程",
    "文化传媒",
    "电子商务",
    "餐饮管理",
    "物流",
    "医疗器械",
    "教育咨询",
    "生物科技",
    "新能源科技",
    "国际贸易",
    "供应链管理",
    "房地产开发",
    "机械设备",
    "环保科技",
    "汽车销售",
    "服装",
    "食品",
    "广告",
    "装饰工程",
    "人力资源",
    "知识产权代理",
    "财务咨询",
    "新材料",
];
const FORMS: [&str; 8] = [
    "有限公司",
    "有限公司",
    "有限公司",
    "有限公司",
    "有限公司",
    "有限责任公司",
    "股份有限公司",
    "合伙企业（有限合伙）",
];
/// Surnames with the first letters of their readings, the frequent ones first.
const SURNAMES: &str = "王w李l张z刘l陈c杨y赵z黄h周z吴w徐x孙s胡h朱z高g林l何h郭g马m罗l梁l宋s郑z谢x韩h唐t冯f于y董d萧x程c\
    曹c袁y邓d许x傅f沈s彭p吕l苏s卢l蒋j蔡c贾j丁d魏w薛x叶y阎y余y潘p杜d戴d夏x钟z汪w田t姜j范f方f石s姚y谭t廖l邹z熊x金j";
const GIVEN: &str = "伟w芳f娜n敏m静j丽l强q磊l军j洋y勇y艳y杰j娟j涛t明m超c秀x霞x平p刚g桂g英y华h文w建j国g红h玉y春c梅m\
    兰l志z海h波b婷t雪x鹏p飞f宇y浩h晨c轩x欣x怡y佳j琪q琳l颖y博b昊h天t瑞r泽z涵h梓z萱x睿r诗s悦y嘉j思s源y俊j辉h";
const STARTS: [&str; 24] = [
    "Bran", "Cas", "Del", "Ever", "Fal", "Gran", "Hal", "Ir", "Jun", "Kes", "Lor", "Mer", "Nor", "Or", "Pin",
    "Quar", "Riv", "Sum", "Tid", "Ul", "Var", "Wil", "Yar", "Zen",
];
const MIDDLES: [&str; 16] = [
    "a", "ber", "cor", "den", "el", "far", "gor", "hem", "il", "kin", "lan", "mon", "nor", "per", "ster",
    "ton",
];
const ENDS: [&str; 16] = [
    "brook", "crest", "dale", "field", "gate", "ham", "is", "ley", "mark", "ners", "ridge", "son", "stone",
    "ton", "wood", "worth",
];
const LATIN_TRADES: [&str; 12] = [
    "Trading",
    "Logistics",
    "Systems",
    "Holdings",
    "Foods",
    "Partners",
    "Consulting",
    "Engineering",
    "Media",
    "Energy",
    "Capital",
    "Services",
];
const LATIN_FORMS: [&str; 5] = ["Ltd", "Inc", "LLC", "GmbH", "Pte Ltd"];
const FIRST_NAMES: [&str; 24] = [
    "Anna", "Ben", "Clara", "David", "Emma", "Felix", "Grace", "Henry", "Iris", "Jack", "Kate", "Leo", "Mia",
    "Noah", "Olga", "Paul", "Rosa", "Sam", "Tina", "Urs", "Vera", "Walt", "Xenia", "Yves",
];
const CLAUSES: [&str; 20] = [
    "客户希望在月底前完成变更登记",
    "已发送报价单并约定下周回访",
    "法定代表人变更需要补交材料",
    "对价格比较敏感，要求分期付款",
    "由老客户介绍而来，意向明确",
    "注册地址将迁往开发区",
    "财务负责人暂时不在本地",
    "需要协助办理许可证延期",
    "合同已寄出，等待盖章",
    "电话无人接听，改用邮件联系",
    "上次合作顺利，评价很好",
    "计划明年扩大经营范围",
    "股东之间尚有分歧",
    "已安排顾问上门沟通",
    "要求加急处理，愿意另付费用",
    "对方正在比较三家供应商",
    "税务问题已经解决",
    "新办公室装修完毕即可搬入",
    "展会上认识，名片已归档",
    "每季度例行回访一次",
];
const ENGLISH: [&str; 10] = [
    "asked for a quotation by the end of the month",
    "prefers to be called in the morning",
    "moved the head office last year",
    "is comparing three suppliers",
    "was introduced by an existing client",
    "needs the permit renewed before spring",
    "paid the first invoice in time",
    "met us at the spring fair",
    "wants the contract in two languages",
    "has no budget until the next quarter",
];
/// Letters of domains: no reading of a character has a `v`, so that a domain is found as a domain alone.
const DOMAIN_LETTERS: &[u8] = b"bcdfghjklmnpqrst";

/// A company or a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// Whether it is a company.
    pub company: bool,
    /// The owner.
    pub owner: usize,
    /// The name.
    pub name: String,
    /// Mobile number in E.164.
    pub phone: String,
    /// E-mail address.
    pub email: String,
    /// A sentence or some, or nothing.
    pub note: String,
}

/// A record by its number.
pub fn party(number: usize) -> Party {
    let company = is_company(number);
    let name = match (company, is_chinese(number)) {
        (true, true) => chinese_company(number),
        (true, false) => {
            let (trade, form) = (pick(&LATIN_TRADES, number, 5), pick(&LATIN_FORMS, number, 6));
            format!("{} {trade} {form}", latin_mark(number))
        }
        (false, true) => person(number).0,
        (false, false) => format!("{} {}", pick(&FIRST_NAMES, number, 7), latin_mark(number)),
    };
    Party {
        company,
        owner: owner(number),
        name,
        phone: phone(number),
        email: format!("{}@{}.example.cn", letters('w', number, 6), domain(number)),
        note: note(number),
    }
}

/// Whether a record is a company.
pub fn is_company(number: usize) -> bool {
    number % 10 < COMPANIES
}

/// Whether its name is Chinese.
pub fn is_chinese(number: usize) -> bool {
    below(number, 2, 2) == 0
}

/// The mark of a Chinese company: what its owners call it.
pub fn mark(number: usize) -> String {
    let marks: Vec<char> = MARKS.chars().filter(|character| !character.is_whitespace()).collect();
    let length = if below(number, 10, 5) == 0 { 3 } else { 2 };
    (11..11 + length).filter_map(|salt| marks.get(skewed(number, salt, marks.len()))).collect()
}

/// The trade of a Chinese company.
pub fn trade(number: usize) -> &'static str {
    TRADES.get(skewed(number, 14, TRADES.len())).copied().unwrap_or_default()
}

/// The mark of a Latin company, or the surname of a Latin person.
pub fn latin_mark(number: usize) -> String {
    format!("{}{}{}", pick(&STARTS, number, 20), pick(&MIDDLES, number, 21), pick(&ENDS, number, 22))
}

/// The name of a Chinese person, and the first letters of its reading.
pub fn person(number: usize) -> (String, String) {
    let (surnames, given) = (pairs(SURNAMES), pairs(GIVEN));
    let mut all = vec![skewed_of(&surnames, number, 30)];
    let length = if below(number, 31, 5) == 0 { 1 } else { 2 };
    all.extend((32..32 + length).map(|salt| skewed_of(&given, number, salt)));
    all.into_iter().unzip()
}

/// The number of a telephone, in E.164.
pub fn phone(number: usize) -> String {
    format!("+861{}{:09}", 3 + below(number, 40, 7), draw(number, 41, 1_000_000_000))
}

/// The first part of the domain of an address.
pub fn domain(number: usize) -> String {
    letters('v', below(number, 42, 60_000), 4)
}

/// A number in letters that make no syllable.
fn letters(first: char, mut number: usize, length: usize) -> String {
    let mut name = String::from(first);
    for _ in 0..length {
        name.push(char::from(DOMAIN_LETTERS.get(number % DOMAIN_LETTERS.len()).copied().unwrap_or(b'b')));
        number /= DOMAIN_LETTERS.len();
    }
    name
}

/// Who owns a record.
pub fn owner(number: usize) -> usize {
    below(number, 1, OWNERS)
}

fn chinese_company(number: usize) -> String {
    let place = if below(number, 15, 10) < 7 { pick(&PLACES, number, 16) } else { "" };
    format!("{place}{}{}{}", mark(number), trade(number), pick(&FORMS, number, 17))
}

fn note(number: usize) -> String {
    match below(number, 50, 10) {
        0..4 => String::new(),
        4..7 => {
            let clauses =
                (0..2 + below(number, 51, 4) as u64).map(|place| pick(&CLAUSES, number, 52 + place));
            format!("{}。", clauses.collect::<Vec<_>>().join("，"))
        }
        _ => format!("The client {} and {}.", pick(&ENGLISH, number, 60), pick(&ENGLISH, number, 61)),
    }
}

/// Characters with the letters behind them.
fn pairs(text: &str) -> Vec<(char, char)> {
    let signs: Vec<char> = text.chars().filter(|sign| !sign.is_whitespace()).collect();
    let (pairs, _) = signs.as_chunks::<2>();
    pairs.iter().map(|[character, letter]| (*character, *letter)).collect()
}

fn skewed_of(list: &[(char, char)], number: usize, salt: u64) -> (char, char) {
    list.get(skewed(number, salt, list.len())).copied().unwrap_or(('王', 'w'))
}

/// A place in a list of which the first ones come more often: the smaller of two draws.
fn skewed(number: usize, salt: u64, length: usize) -> usize {
    below(number, salt, length).min(below(number, salt + 100, length))
}

fn below(number: usize, salt: u64, limit: usize) -> usize {
    usize::try_from(draw(number, salt, limit as u64)).unwrap_or(0)
}
