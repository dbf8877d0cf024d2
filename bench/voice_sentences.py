"""Sentences that are judged (`FAMILIAR`, `UNKNOWN`, `ENGLISH`: never tuned on) and that are tuned on (`TRAINING`).

Rows are (voice, words a minute, text). The voice of `FAMILIAR` also spoke training sentences, those of `UNKNOWN` and
most of `ENGLISH` did not.
"""

FAMILIAR = tuple(
    ("vi", 140, text)
    for text in (
        "Ủy ban nhân dân xã thông báo lịch tiêm phòng cho đàn gia súc vào sáng thứ bảy tuần này.",
        "Đề nghị bà con không đốt rơm rạ dọc theo quốc lộ để bảo đảm an toàn giao thông.",
        "Cảnh báo mưa lớn, nguy cơ ngập úng tại các thôn ven sông trong hai ngày tới.",
        "Trạm y tế xã khám sức khỏe miễn phí cho người cao tuổi lúc bảy giờ ba mươi phút.",
    )
)

UNKNOWN = (
    ("vi+f4", 130, "Ngày mai trạm thú y phun thuốc khử trùng tiêu độc miễn phí cho các hộ chăn nuôi."),
    ("vi+m7", 150, "Nước sông đang lên nhanh, các hộ ngoài đê di dời ngay đến trường học."),
    ("vi-vn-x-south+f5", 170, "Danh sách học sinh nhận học bổng được niêm yết ở cổng ủy ban từ thứ hai."),
    ("vi-vn-x-central+m1", 120, "Cấm xe tải qua cầu Máng trong thời gian gia cố móng trụ."),
    ("vi+m6", 160, "Xin mời các cụ ông cụ bà về dự lễ mừng thọ đầu xuân."),
    ("vi-vn-x-south+m4", 145, "Giá lúa hôm nay tăng nhẹ, thương lái thu mua tại ruộng."),
    ("vi-vn-x-central+f3", 135, "Nguy cơ cháy rừng cấp năm, tuyệt đối không mang lửa vào rừng."),
    ("vi+m5", 155, "Đội bóng thôn Đoài gặp đội thôn Thượng lúc bốn giờ chiều."),
)

ENGLISH = (
    ("flite:awb", 0, "The health station will vaccinate children under five on Tuesday morning at the school."),
    ("flite:kal16", 0, "Due to flooding the bridge is closed and all vehicles must take the road along the dyke."),
    ("flite:slt", 0, "Farmers should spray against leaf blast this week while the weather stays dry and calm."),
)

TRAINING = (
    ("vi", 135, "Mời bà con đến nhà văn hóa thôn nhận thẻ bảo hiểm y tế trước ngày ba mươi tháng này."),
    ("vi+f1", 150, "Sáng mai xã cắt điện từ sáu giờ đến mười một giờ để sửa đường dây trung thế."),
    ("vi+f3", 165, "Hợp tác xã bắt đầu bơm nước vào đồng, đề nghị các hộ be bờ giữ nước."),
    ("vi+m1", 125, "Tối nay có đêm văn nghệ chào mừng ngày thành lập xã tại sân vận động trung tâm."),
    ("vi+m4", 140, "Phụ huynh đưa trẻ từ sáu đến mười tám tháng tuổi đi uống vitamin vào thứ tư."),
    ("vi-vn-x-south+f3", 155, "Bão số năm đang mạnh lên, tàu thuyền không được ra khơi cho tới khi có lệnh mới."),
    ("vi+f2", 145, "Công an xã nhắc bà con cảnh giác với các cuộc gọi giả danh ngân hàng đòi mật khẩu."),
    ("vi+m3", 170, "Lúa đang trổ bông, cần phun thuốc phòng bệnh đạo ôn và rầy nâu đúng liều lượng."),
    ("vi-vn-x-central", 130, "Chủ nhật toàn dân ra quân dọn vệ sinh, khơi thông cống rãnh, diệt bọ gậy."),
    ("vi-vn-x-south", 180, "Ai nhặt được giấy tờ mang tên Nguyễn Văn Khánh xin gửi về trụ sở."),
    ("vi-vn-x-south+f2", 120, "Thuế đất phi nông nghiệp nộp tại bộ phận một cửa, hạn cuối là cuối quý."),
    ("vi-vn-x-central+m3", 160, "Gió giật cấp chín, biển động mạnh, yêu cầu chằng chống nhà cửa ngay chiều nay."),
    ("vi", 140, "Xã ta vừa khánh thành con đường bê tông dài ba cây số."),
    ("vi+f2", 150, "Đề nghị chủ xe máy biển số hai chín ra lấy xe."),
    ("vi-vn-x-south+m1", 125, "Trường mầm non tuyển sinh từ đầu tháng bảy."),
    ("vi-vn-x-central+f2", 165, "Chợ phiên họp vào ngày rằm và mồng một."),
    ("flite:slt", 0, "The village office will be closed on Friday, please bring your papers on Monday morning."),
    ("flite:rms", 0, "Heavy rain and strong wind are expected tonight, stay away from the river bank."),
)
