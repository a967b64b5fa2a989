//! Readings that the dictionary of single characters gets wrong: surnames, places, words of trade.
//!
//! A character's most common reading is wrong for many family names (`单` is Shan, not dan) and places
//! (`重庆` is Chongqing). Blind expansion to every reading of every character would explode, since four
//! characters in ten have more than one; so these short lists name the cases that matter, and a hit
//! adds its reading to the default one. The readings are common knowledge (Xiandai Hanyu Cidian).

use std::collections::HashMap;
use std::sync::LazyLock;

/// Longest entry of [`WORDS`], in characters.
pub(super) const LONGEST_WORD: usize = 3;
/// Longest entry of [`SURNAMES`], in characters.
pub(super) const LONGEST_SURNAME: usize = 2;

/// Readings of a family name, one a character; looked up at the beginning of a name only.
pub(super) fn surname(text: &str) -> Option<&'static [&'static str]> {
    static TABLE: LazyLock<Table> = LazyLock::new(|| table(SURNAMES));
    TABLE.get(text).map(Vec::as_slice)
}

/// Readings of a place or word, one a character; looked up everywhere.
pub(super) fn word(text: &str) -> Option<&'static [&'static str]> {
    static TABLE: LazyLock<Table> = LazyLock::new(|| table(WORDS));
    TABLE.get(text).map(Vec::as_slice)
}

/// Whether a name of a firm usually begins with this region, which people leave out of initials.
pub(super) fn is_region(text: &str) -> bool {
    REGIONS.split_whitespace().any(|region| region == text)
}

type Table = HashMap<&'static str, Vec<&'static str>>;

fn table(source: &'static str) -> Table {
    source
        .split([',', '\n'])
        .filter_map(|entry| {
            let mut words = entry.split_whitespace();
            let key = words.next()?;
            Some((key, words.collect()))
        })
        .collect()
}

const SURNAMES: &str = "
单 shan, 曾 zeng, 仇 qiu, 翟 zhai, 查 zha, 区 ou, 解 xie, 朴 piao, 乐 yue, 盖 ge, 召 shao, 员 yun,
种 chong, 缪 miao, 繁 po, 隗 wei, 折 she, 覃 qin, 洗 xian, 卜 bu, 祭 zhai, 秘 bi, 莘 xin, 牟 mu,
黑 he, 角 jue, 晟 cheng, 谌 shen, 郇 huan, 郗 chi, 那 na, 重 chong, 佴 nai, 贠 yun, 占 zhan, 令 ling,
藏 zang, 宓 fu, 褶 xi, 柏 bo, 适 kuo, 句 gou, 车 che, 尉 yu, 葛 ge, 任 ren, 华 hua, 燕 yan, 应 ying,
尉迟 yu chi, 万俟 mo qi, 长孙 zhang sun, 澹台 tan tai, 单于 chan yu, 令狐 ling hu, 宿 su, 可 ke, 阚 kan,
厍 she, 逄 pang, 訾 zi, 乜 nie, 冼 xian, 钭 tou, 麴 qu, 长 chang, 盛 sheng, 禚 zhuo, 母 mu, 过 guo";

const WORDS: &str = "
重庆 chong qing, 长沙 chang sha, 长春 chang chun, 长江 chang jiang, 长安 chang an, 长城 chang cheng,
长治 chang zhi, 长乐 chang le, 长兴 chang xing, 长三角 chang san jiao, 长虹 chang hong, 长远 chang yuan,
长宁 chang ning, 长青 chang qing, 长荣 chang rong, 长期 chang qi, 特长 te chang, 长风 chang feng,
厦门 xia men, 成都 cheng du, 首都 shou du, 都市 du shi, 新都 xin du, 都江堰 du jiang yan, 江都 jiang du,
花都 hua du, 六安 lu an, 六合 lu he, 蚌埠 beng bu, 铅山 yan shan, 番禺 pan yu, 东莞 dong guan,
朝阳 chao yang, 朝晖 zhao hui, 大理 da li, 会稽 kuai ji, 会计 kuai ji, 歙县 she xian, 西藏 xi zang,
吐鲁番 tu lu fan, 什邡 shi fang, 荥阳 xing yang, 荥经 ying jing, 亳州 bo zhou, 泌阳 bi yang,
浚县 xun xian, 尉犁 yu li, 尉氏 wei shi, 单县 shan xian, 解州 xie zhou, 洪洞 hong tong, 曲阜 qu fu,
阿房 e pang, 东阿 dong e, 台州 tai zhou, 天台 tian tai, 丽水 li shui, 乐清 yue qing, 乐亭 lao ting,
乐陵 le ling, 燕山 yan shan, 燕京 yan jing, 大埔 da bu, 黄埔 huang pu, 筠连 jun lian, 犍为 qian wei,
银行 yin hang, 行业 hang ye, 商行 shang hang, 车行 che hang, 同行 tong hang, 行情 hang qing, 行长 hang zhang,
投行 tou hang, 分行 fen hang, 支行 zhi hang, 央行 yang hang, 琴行 qin hang, 洋行 yang hang,
音乐 yin yue, 乐器 yue qi, 声乐 sheng yue, 乐团 yue tuan, 大厦 da sha, 调查 diao cha, 调研 diao yan,
调度 diao du, 调味 tiao wei, 传记 zhuan ji, 重新 chong xin, 重阳 chong yang, 重组 chong zu, 重启 chong qi,
宝藏 bao zang, 藏药 zang yao, 校对 jiao dui, 校准 jiao zhun, 模具 mu ju, 模样 mu yang, 供给 gong ji,
给水 ji shui, 给排水 ji pai shui, 便宜 pian yi, 角色 jue se, 薄荷 bo he, 参差 cen ci, 人参 ren shen,
海参 hai shen, 差旅 chai lv, 出差 chu chai, 邮差 you chai, 大夫 dai fu, 提防 di fang, 吐蕃 tu bo,
率先 shuai xian, 表率 biao shuai, 数据 shu ju, 系统 xi tong, 关系 guan xi, 强化 qiang hua, 曲奇 qu qi,
畜牧 xu mu, 咖喱 ga li, 血液 xue ye, 石油 shi you, 石头 shi tou, 单元 dan yuan, 省会 sheng hui,
盛世 sheng shi, 华盛 hua sheng, 鼎盛 ding sheng, 降解 jiang jie, 朴素 pu su, 万象 wan xiang, 宁波 ning bo";

const REGIONS: &str = "
北京 上海 天津 重庆 河北 山西 内蒙古 辽宁 吉林 黑龙江 江苏 浙江 安徽 福建 江西 山东 河南 湖北 湖南 广东
广西 海南 四川 贵州 云南 西藏 陕西 甘肃 青海 宁夏 新疆 香港 澳门 台湾 中国 广州 深圳 东莞 佛山 珠海 惠州
中山 厦门 福州 泉州 杭州 宁波 温州 嘉兴 绍兴 金华 台州 南京 苏州 无锡 常州 南通 扬州 徐州 成都 武汉 长沙
西安 郑州 济南 青岛 烟台 潍坊 合肥 南昌 昆明 贵阳 南宁 海口 沈阳 大连 长春 哈尔滨 石家庄 太原 兰州";
