//! The words of the demo world in both languages: names of companies and people, what is sold, what is said.

use crate::chance::Chance;

/// A part of the market: name, cities, and whether those who live there have Chinese names.
pub struct Market {
    pub name: &'static str,
    pub cities: &'static [&'static str],
    pub is_chinese: bool,
}

/// The markets, one for each unit of the firm.
pub const MARKETS: [Market; 4] = [
    Market {
        name: "华东 East China", cities: &["上海", "杭州", "南京", "苏州", "宁波"], is_chinese: true
    },
    Market {
        name: "华南 South China", cities: &["广州", "深圳", "东莞", "厦门", "福州"], is_chinese: true
    },
    Market {
        name: "华北 North China",
        cities: &["北京", "天津", "济南", "石家庄", "青岛"],
        is_chinese: true,
    },
    Market {
        name: "海外 International",
        cities: &["London", "Singapore", "Toronto", "Sydney", "Dublin"],
        is_chinese: false,
    },
];

/// What the firm sells, and its price in yuan.
pub const PRODUCTS: [(&str, i64); 7] = [
    ("执照变更 Licence change", 1_800),
    ("公司注册 Company formation", 3_200),
    ("代理记账 Bookkeeping", 7_200),
    ("商标注册 Trade mark", 2_400),
    ("税务筹划 Tax advice", 26_000),
    ("人事外包 Payroll", 48_000),
    ("财务系统 Finance system", 160_000),
];

/// Why deals are lost.
pub const REASONS: [&str; 6] =
    ["价格太高", "选择了竞争对手", "预算取消", "no budget", "chose a competitor", "no answer any more"];
/// Why leads are given up.
pub const DEAD_ENDS: [&str; 4] = ["号码有误", "没有需求", "wrong number", "no need"];
/// What leads want.
pub const NEEDS: [&str; 5] = [
    "需要办理营业执照变更",
    "想了解代理记账",
    "需要注册新公司",
    "looks for bookkeeping",
    "wants to move its seat",
];
/// What calls are about.
pub const CALLS: [&str; 6] =
    ["电话回访", "了解需求", "确认报价", "follow-up call", "asked about the offer", "季度回访"];
/// What meetings are about.
pub const MEETINGS: [&str; 5] =
    ["上门拜访", "方案讲解", "合同洽谈", "went through the proposal", "on-site visit"];
/// What is to be done.
pub const TASKS: [&str; 5] = ["发送报价单", "准备合同", "寄送资料", "send the quote", "prepare the contract"];
/// What a manager says of a deal that was won.
pub const PRAISE: [&str; 4] =
    ["干得漂亮！", "恭喜，注意后续服务。", "Well done.", "Great work, keep in touch with them."];

const SURNAMES: [&str; 20] = [
    "王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "马", "朱", "胡", "郭", "何",
    "林", "高", "罗",
];
const GIVEN: [&str; 20] = [
    "伟", "芳", "秀英", "敏", "静", "丽娟", "强", "磊", "洋", "艳", "勇", "志强", "杰", "晓明", "婷", "建华",
    "玲", "思远", "雪", "浩然",
];
const FIRST: [&str; 16] = [
    "Alice", "Brian", "Carol", "Daniel", "Ellen", "Frank", "Gillian", "Harold", "Irene", "James", "Karen",
    "Louis", "Maria", "Neil", "Olivia", "Peter",
];
const LAST: [&str; 16] = [
    "Ashford", "Bennett", "Carver", "Doyle", "Ellis", "Finch", "Garner", "Holt", "Ingram", "Jarvis",
    "Knowles", "Lowell", "Mercer", "Norris", "Osborne", "Price",
];
const CHINESE_BEGIN: [&str; 20] = [
    "鑫", "恒", "瑞", "嘉", "博", "德", "安", "信", "远", "华", "泰", "明", "永", "盛", "新", "中", "金",
    "海", "天", "正",
];
const CHINESE_END: [&str; 20] = [
    "源", "达", "丰", "诚", "通", "创", "和", "隆", "泽", "辉", "宇", "邦", "联", "科", "汇", "润", "康",
    "佳", "元", "腾",
];
const ENGLISH_BEGIN: [&str; 20] = [
    "Alder",
    "Beacon",
    "Cobalt",
    "Drift",
    "Ember",
    "Falcon",
    "Garnet",
    "Hazel",
    "Indigo",
    "Jasper",
    "Kingfisher",
    "Linden",
    "Maple",
    "Nimbus",
    "Oakwood",
    "Pebble",
    "Quill",
    "Rowan",
    "Sable",
    "Thistle",
];
const ENGLISH_END: [&str; 8] =
    ["Trading", "Logistics", "Foods", "Software", "Textiles", "Machinery", "Consulting", "Media"];
const ENGLISH_FORM: [&str; 4] = ["Ltd", "Inc.", "LLC", "plc"];
const TRADES: [&str; 10] = [
    "贸易",
    "信息科技",
    "餐饮管理",
    "物流",
    "建筑工程",
    "医疗器械",
    "文化传媒",
    "教育咨询",
    "电子商务",
    "食品",
];
const POSITIONS: [[&str; 4]; 2] = [
    ["总经理", "财务经理", "行政主管", "法务"],
    ["Managing director", "Finance manager", "Office manager", "Counsel"],
];

/// Somebody whom the firm deals with.
pub struct Party {
    pub company: String,
    pub industry: &'static str,
    pub city: &'static str,
    pub person: String,
    pub position: &'static str,
    pub phone: String,
    pub email: String,
}

/// The party of a story, in a market.
pub fn party(chance: Chance, market: &Market, story: u64) -> Party {
    let city = chance.one_of(1, market.cities);
    let (company, industry) = if market.is_chinese {
        let trade = chance.one_of(4, &TRADES);
        let (begin, end) = (chance.one_of(2, &CHINESE_BEGIN), chance.one_of(3, &CHINESE_END));
        (format!("{city}{begin}{end}{trade}有限公司"), trade)
    } else {
        let (begin, trade) = (chance.one_of(2, &ENGLISH_BEGIN), chance.one_of(3, &ENGLISH_END));
        (format!("{begin} {trade} {}", chance.one_of(4, &ENGLISH_FORM)), trade)
    };
    let phone = if market.is_chinese {
        format!("+86138{:08}", chance.below(5, 100_000_000))
    } else {
        format!("+44207946{:04}", chance.below(5, 10_000))
    };
    let [chinese, english] = &POSITIONS;
    Party {
        company,
        industry,
        city,
        person: person(chance, market.is_chinese, chance.below(6, 1 << 20)),
        position: chance.one_of(7, if market.is_chinese { chinese } else { english }),
        phone,
        email: format!("p{story}@example.com"),
    }
}

/// A person's name; of as many numbers as there are pairs of names no two give the same.
pub fn person(chance: Chance, is_chinese: bool, number: u64) -> String {
    let pick = |list: &[&'static str], number: u64| -> &'static str {
        let place = usize::try_from(number % list.len() as u64).unwrap_or(0);
        list.get(place).copied().unwrap_or_default()
    };
    // The shift keeps neighbours from sharing a given name.
    let shift = chance.below(8, 16);
    if is_chinese {
        let length = SURNAMES.len() as u64;
        return format!("{}{}", pick(&SURNAMES, number), pick(&GIVEN, number / length + number + shift));
    }
    let length = FIRST.len() as u64;
    format!("{} {}", pick(&FIRST, number), pick(&LAST, number / length + number + shift))
}
