"""Speech that the correction of `tts/enhance/learned.py` is trained and checked on.

None of the sentences and voices of `bench.voice_sentences.UNKNOWN` is among it, and of their eight variants only those
that `TRAINING` has in another dialect.
"""

import random

from bench.voice_sentences import TRAINING

Row = tuple[str, int, str]

_DIALECTS = ("vi", "vi-vn-x-south", "vi-vn-x-central")
_VARIANTS = """
f1 f2 m2 m3 m8 croak klatt klatt2 klatt4 adam Alex Alicia Andrea Andy Annie antonio aunty belinda benjamin
boris caleb david Denis Diogo ed edward Gene gustave Henrique Hugo iven iven3 Jacky john Lee linda marcelo
Marco Mario max michel miguel Mike pablo paul pedro quincy rob robert steph steph2 travis victor zac
grandpa grandma norbert sandro shelby Tweaky
"""
_CHECKED = ("klatt3", "Michael", "steph3", "Gene2", "edward2", "iven2", "klatt5", "Storm")
_VIETNAMESE = """
Chiều nay hội phụ nữ họp tại đình làng để bàn việc trồng hoa ven đường.
Xe thu gom rác sẽ đến muộn một giờ do đường đang sửa.
Gia đình bác Tư có con trâu đi lạc, ai thấy xin báo giúp.
Từ ngày mười lăm tháng ba, bưu điện mở cửa cả buổi tối.
Trẻ con không được tắm ở hồ sau đập vì nước rất sâu.
Lớp dạy nghề may miễn phí khai giảng sáng mồng năm.
Kính mời các cựu chiến binh dâng hương tại nghĩa trang liệt sĩ.
Nhiệt độ đêm nay xuống dưới mười độ, nhớ che ấm cho mạ non.
Ban quản lý chợ nhắc tiểu thương nộp phí trước thứ sáu.
Đoàn khám mắt lưu động làm việc ở phòng khám đa khoa khu vực.
Kết quả bầu trưởng thôn sẽ được công bố tối nay.
Ống nước chính bị vỡ, thợ đang khắc phục, mong mọi người thông cảm.
Anh Hùng ở xóm Trại bán hai tạ khoai giống giá rẻ.
Quỹ khuyến học xã tặng quà cho những em vượt khó học giỏi.
Mùa này muỗi nhiều, hãy ngủ màn kể cả ban ngày.
Phương tiện quá khổ không được đi trên đê từ hôm nay.
Cây đổ chắn ngang đường liên xã gần cổng chùa, xin đi vòng.
Giải bóng chuyền hơi người cao tuổi bắt đầu lúc ba giờ.
Bà con kiểm tra lại bể chứa, rửa sạch và đậy kín nắp.
Ngân hàng chính sách giải ngân vốn vay vào chiều thứ năm.
Sạt lở đất có thể xảy ra ở sườn đồi phía bắc.
Vịt chạy đồng phải tiêm vắc xin cúm trước khi thả.
Thông tin tuyển công nhân nhà máy giày dép, lương khởi điểm tám triệu.
Đàn ong nuôi xin dời khỏi vùng phun thuốc trước bình minh.
Hồ chứa xả lũ lúc nửa đêm, người dân hạ lưu chú ý.
Thư viện nhỏ của trường cần sách cũ, quyên góp tại cổng.
""".strip().splitlines()
_ENGLISH = """
The ferry stops at nine tonight because of fog on the river.
Bring a blanket and warm clothes to the shelter on the hill.
School starts one hour later tomorrow for every class.
The market has moved to the field behind the old church.
""".strip().splitlines()
_OTHERS = {
    "de": "Morgen früh wird das Wasser für drei Stunden abgestellt, bitte füllen Sie Eimer.",
    "fr": "La route du village reste fermée jusque vendredi à cause des travaux.",
    "es": "El médico visita la escuela el jueves por la mañana, traigan sus papeles.",
    "id": "Besok pagi ada pemeriksaan kesehatan gratis di balai desa.",
    "it": "Domani il mercato apre più tardi per la festa del paese.",
    "pl": "Jutro rano autobus szkolny przyjedzie pół godziny później.",
    "tr": "Yarın sabah köy meydanında aşı yapılacak, çocukları getirin.",
    "cmn": "今天下午村里停电两个小时请大家做好准备",
    "ja": "あしたのあさはみずがとまります",
    "th": "พรุ่งนี้เช้ามีประชุมที่ศาลา",
    "hi": "कल सुबह गाँव में पानी नहीं आएगा",
    "ru": "Завтра утром в деревне отключат воду на три часа.",
    "sw": "Kesho asubuhi kutakuwa na mkutano wa kijiji shuleni.",
    "pt": "Amanhã cedo haverá vacinação das crianças na praça.",
}


def lessons() -> tuple[list[Row], list[Row]]:
    """Return what is trained on, and what progress is checked on: voices and sentences apart."""
    chance, variants = random.Random(5), _VARIANTS.split()
    rows = [row for row in TRAINING if not row[0].startswith("flite")]
    rows.append(("flite:rms", 0, _ENGLISH[0]))
    for k in range(130):
        dialect, variant = chance.choice(_DIALECTS), variants[k % len(variants)]
        voice = f"{dialect}+{variant}" if chance.random() < 0.9 else dialect
        rows.append((voice, chance.randint(115, 185), _VIETNAMESE[k % len(_VIETNAMESE)]))
    for language, text in _OTHERS.items():
        rows += [(f"{language}+{chance.choice(variants)}", chance.randint(120, 180), text) for _ in range(2)]
    for text in _ENGLISH:
        rows.append((f"{chance.choice(('en', 'en-us'))}+{chance.choice(variants)}", chance.randint(120, 180), text))
    checked = [
        (f"{chance.choice(_DIALECTS)}+{variant}", chance.randint(120, 170), _VIETNAMESE[-1 - k])
        for k, variant in enumerate(_CHECKED)
    ]
    kept = {text for _, _, text in checked}
    return [row for row in rows if row[2] not in kept], checked
