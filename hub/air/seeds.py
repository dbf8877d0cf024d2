"""The prepared messages that a new hub begins with; administrators change them. Title, text, all-clear, drill or not.

They are spoken to people of the commune, so they are in Vietnamese whatever language the console speaks.
"""

SEEDS: tuple[tuple[str, str, str, bool], ...] = (
    (
        "Xả lũ",
        "Thông báo khẩn cấp. Hồ chứa đang xả lũ, nước sông sẽ lên nhanh. Bà con ở ven sông và vùng thấp đưa người già, "
        "trẻ em lên chỗ cao ngay. Không ra sông, không đi qua ngầm, qua tràn. Làm theo hướng dẫn của cán bộ thôn.",
        "Thông báo. Hồ chứa đã dừng xả lũ. Bà con vẫn không ra gần sông khi nước còn chảy xiết.",
        False,
    ),
    (
        "Bão sắp vào",
        "Thông báo khẩn cấp. Bão sắp vào địa bàn xã. Bà con chằng chống nhà cửa, tắt điện, ở trong nhà chắc chắn, "
        "không ra đường khi gió còn mạnh. Nhà yếu, nhà ven sông đến ngay nhà văn hoá hoặc trường học.",
        "Thông báo. Bão đã qua. Bà con chú ý dây điện đứt, cây đổ, và báo ngay cho cán bộ thôn khi thấy nguy hiểm.",
        False,
    ),
    (
        "Cháy lớn",
        "Thông báo khẩn cấp. Đang có cháy lớn trong thôn. Bà con ở gần đám cháy rời khỏi nhà ngay, che mũi miệng bằng "
        "khăn ướt, nhường đường cho xe chữa cháy. Lực lượng tại chỗ mang dụng cụ đến hỗ trợ.",
        "Thông báo. Đám cháy đã được dập tắt. Bà con có thể trở về nhà.",
        False,
    ),
    (
        "Tìm trẻ lạc",
        "Thông báo khẩn. Có một cháu bé đi lạc trong xã. Bà con xem quanh nhà, vườn, ao và đường làng. "
        "Ai thấy cháu, xin giữ cháu lại và báo ngay cho công an xã hoặc cán bộ thôn.",
        "Thông báo. Đã tìm thấy cháu bé an toàn. Xin cảm ơn bà con.",
        False,
    ),
    (
        "Sơ tán ngay",
        "Thông báo khẩn cấp. Bà con sơ tán ngay đến nơi an toàn theo hướng dẫn của cán bộ thôn. Mang theo giấy tờ, "
        "thuốc, nước uống và áo ấm. Giúp người già, trẻ em, người khuyết tật cùng đi. Không quay lại lấy đồ.",
        "Thông báo. Nguy hiểm đã qua. Bà con có thể trở về nhà theo hướng dẫn của cán bộ thôn.",
        False,
    ),
    (
        "Diễn tập báo động",
        "Diễn tập, diễn tập. Đây là diễn tập báo động của xã, không có nguy hiểm thật. Bà con bình tĩnh, làm theo "
        "hướng dẫn của cán bộ thôn. Xin nhắc lại, đây là diễn tập.",
        "Diễn tập đã kết thúc. Xin cảm ơn bà con.",
        True,
    ),
)
