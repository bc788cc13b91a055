//! Who the customers of the demonstration are: invented people at invented addresses.

/// An area and the areas in it.
pub const AREAS: [(&str, &[&str]); 4] = [
    ("Mirpur", &["Mirpur 10", "Mirpur 11", "Kazipara"]),
    ("Uttara", &["Sector 4", "Sector 11", "Ajampur"]),
    ("Dhanmondi", &["Road 27", "Zigatola"]),
    ("Savar", &["Hemayetpur", "Amin Bazar"]),
];

/// A package: name, price in whole taka, down and up in Mbit/s, validity, its unit, grace days.
pub struct PackageOf {
    /// What it is called.
    pub name: &'static str,
    /// Taka.
    pub taka: i64,
    /// Mbit/s towards the customer and from the customer.
    pub mbps: (u64, u64),
    /// How long a payment lasts.
    pub validity: (u32, &'static str),
    /// Days after it.
    pub grace_days: Option<u32>,
}

/// The one that ends while somebody looks.
pub const MINUTE: PackageOf =
    PackageOf { name: "Minute 20", taka: 20, mbps: (20, 10), validity: (1, "minute"), grace_days: Some(0) };

/// The packages that people buy.
pub const PACKAGES: [PackageOf; 4] = [
    PackageOf { name: "Home 10", taka: 500, mbps: (10, 10), validity: (30, "day"), grace_days: None },
    PackageOf { name: "Home 20", taka: 800, mbps: (20, 20), validity: (30, "day"), grace_days: None },
    PackageOf { name: "Family 40", taka: 1_200, mbps: (40, 40), validity: (1, "month"), grace_days: None },
    PackageOf { name: "Office 100", taka: 3_500, mbps: (100, 100), validity: (1, "month"), grace_days: Some(7) },
];

/// Names, some written in Bangla as their owners write them.
pub const NAMES: [&str; 60] = [
    "Abdur Rahman",
    "Fatema Begum",
    "মোঃ রফিকুল ইসলাম",
    "Nusrat Jahan",
    "Shahidul Alam",
    "Ayesha Siddika",
    "Kamrul Hasan",
    "সালমা আক্তার",
    "Mizanur Rahman",
    "Sharmin Akter",
    "Jahangir Kabir",
    "Tahmina Sultana",
    "Rezaul Karim",
    "Farhana Yasmin",
    "আনোয়ার হোসেন",
    "Monira Khatun",
    "Habibur Rahman",
    "Rokeya Khanam",
    "Saiful Islam",
    "Nasima Akhter",
    "Delwar Hossain",
    "নাজমুন নাহার",
    "Ashraful Haque",
    "Sabina Yeasmin",
    "Towhid Chowdhury",
    "Razia Sultana",
    "Imran Mahmud",
    "Laila Arjuman",
    "Golam Mostafa",
    "শিরিন আক্তার",
    "Biplob Kumar Das",
    "Sumi Rani Saha",
    "Anik Barua",
    "Papia Dey",
    "Shamsul Huda",
    "Mahfuza Khanom",
    "Arif Billah",
    "Jannatul Ferdous",
    "মাহমুদুল হাসান",
    "Rumana Islam",
    "Tanvir Ahmed",
    "Shaila Parvin",
    "Nazrul Islam",
    "Hosne Ara",
    "Zahid Hasan",
    "Sultana Razia",
    "Mahbub Alam",
    "তানিয়া রহমান",
    "Shafiqul Islam",
    "Ruksana Parvin",
    "Belal Hossain",
    "Dilruba Yasmin",
    "Faruk Ahmed",
    "Marufa Akter",
    "Rashedul Bari",
    "Shirin Sultana",
    "Kawsar Ahmed",
    "আবুল কালাম",
    "Liton Mia",
    "Nargis Fakhri Begum",
];
