//! Cities where people live, work and travel to. Offsets are standard time; daylight saving time
//! is not modelled.

/// A city as a geolocation service would describe it.
#[derive(Debug)]
pub(crate) struct City {
    pub(crate) name: &'static str,
    pub(crate) state: &'static str,
    /// ISO 3166 alpha-2.
    pub(crate) country: &'static str,
    /// Degrees north and east, as they are written into the records.
    pub(crate) latitude: &'static str,
    pub(crate) longitude: &'static str,
    /// Minutes east of UTC.
    pub(crate) offset_minutes: i64,
}

macro_rules! cities {
    ($(#[$about:meta])* $table:ident: $( $name:literal $state:literal $country:literal
        $latitude:literal $longitude:literal $offset:literal; )*) => {
        $(#[$about])*
        pub(crate) static $table: &[City] = &[ $( City {
            name: $name, state: $state, country: $country,
            latitude: $latitude, longitude: $longitude, offset_minutes: $offset,
        }, )* ];
    };
}

cities! {
    /// The table. Positions in it are used as city numbers.
    CITIES:
    "Vienna" "Wien" "AT" "48.2082" "16.3738" 60;
    "Lisbon" "Lisboa" "PT" "38.7223" "-9.1393" 0;
    "Dublin" "Dublin" "IE" "53.3498" "-6.2603" 0;
    "London" "England" "GB" "51.5072" "-0.1276" 0;
    "Paris" "Paris" "FR" "48.8566" "2.3522" 60;
    "Madrid" "Madrid" "ES" "40.4168" "-3.7038" 60;
    "Amsterdam" "Noord-Holland" "NL" "52.3676" "4.9041" 60;
    "Brussels" "Brussels Hoofdstedelijk Gewest" "BE" "50.8503" "4.3517" 60;
    "Berlin" "Berlin" "DE" "52.5200" "13.4050" 60;
    "Munich" "Bayern" "DE" "48.1351" "11.5820" 60;
    "Zurich" "Zurich" "CH" "47.3769" "8.5417" 60;
    "Milan" "Milano" "IT" "45.4642" "9.1900" 60;
    "Copenhagen" "Hovedstaden" "DK" "55.6761" "12.5683" 60;
    "Stockholm" "Stockholms Lan" "SE" "59.3293" "18.0686" 60;
    "Oslo" "Oslo" "NO" "59.9139" "10.7522" 60;
    "Helsinki" "Uusimaa" "FI" "60.1699" "24.9384" 120;
    "Warsaw" "Mazowieckie" "PL" "52.2297" "21.0122" 60;
    "Prague" "Praha, Hlavni Mesto" "CZ" "50.0755" "14.4378" 60;
    "Athens" "Attiki" "GR" "37.9838" "23.7275" 120;
    "Istanbul" "Istanbul" "TR" "41.0082" "28.9784" 180;
    "Nairobi" "Nairobi City" "KE" "-1.2921" "36.8219" 180;
    "Lagos" "Lagos" "NG" "6.5244" "3.3792" 60;
    "Cape Town" "Western Cape" "ZA" "-33.9249" "18.4241" 120;
    "Dubai" "Dubai" "AE" "25.2048" "55.2708" 240;
    "Bengaluru" "Karnataka" "IN" "12.9716" "77.5946" 330;
    "Singapore" "Singapore" "SG" "1.3521" "103.8198" 480;
    "Jakarta" "Jakarta Raya" "ID" "-6.2088" "106.8456" 420;
    "Manila" "Metro Manila" "PH" "14.5995" "120.9842" 480;
    "Seoul" "Seoul" "KR" "37.5665" "126.9780" 540;
    "Tokyo" "Tokyo" "JP" "35.6762" "139.6503" 540;
    "Sydney" "New South Wales" "AU" "-33.8688" "151.2093" 600;
    "Auckland" "Auckland" "NZ" "-36.8509" "174.7645" 720;
    "New York" "New York" "US" "40.7128" "-74.0060" -300;
    "Chicago" "Illinois" "US" "41.8781" "-87.6298" -360;
    "Denver" "Colorado" "US" "39.7392" "-104.9903" -420;
    "Seattle" "Washington" "US" "47.6062" "-122.3321" -480;
    "Toronto" "Ontario" "CA" "43.6532" "-79.3832" -300;
    "Mexico City" "Ciudad de Mexico" "MX" "19.4326" "-99.1332" -360;
    "Bogota" "Bogota D.C." "CO" "4.7110" "-74.0721" -300;
    "Lima" "Lima" "PE" "-12.0464" "-77.0428" -300;
    "Sao Paulo" "Sao Paulo" "BR" "-23.5558" "-46.6396" -180;
    "Buenos Aires" "Ciudad Autonoma de Buenos Aires" "AR" "-34.6037" "-58.3816" -180;
}

cities! {
    /// Where mobile carriers have gateways, at which their phones appear. Nobody lives here.
    GATEWAYS:
    "Innsbruck" "Tirol" "AT" "47.2692" "11.4041" 60;
    "Porto" "Porto" "PT" "41.1579" "-8.6291" 0;
    "Cork" "Cork" "IE" "51.8985" "-8.4756" 0;
    "Manchester" "England" "GB" "53.4808" "-2.2426" 0;
    "Lyon" "Auvergne-Rhone-Alpes" "FR" "45.7640" "4.8357" 60;
    "Marseille" "Provence-Alpes-Cote d'Azur" "FR" "43.2965" "5.3698" 60;
    "Barcelona" "Barcelona" "ES" "41.3874" "2.1686" 60;
    "Frankfurt am Main" "Hessen" "DE" "50.1109" "8.6821" 60;
    "Hamburg" "Hamburg" "DE" "53.5511" "9.9937" 60;
    "Geneva" "Geneve" "CH" "46.2044" "6.1432" 60;
    "Rome" "Roma" "IT" "41.9028" "12.4964" 60;
    "Aalborg" "Nordjylland" "DK" "57.0488" "9.9217" 60;
    "Gothenburg" "Vastra Gotalands Lan" "SE" "57.7089" "11.9746" 60;
    "Bergen" "Vestland" "NO" "60.3913" "5.3221" 60;
    "Oulu" "Pohjois-Pohjanmaa" "FI" "65.0121" "25.4651" 120;
    "Krakow" "Malopolskie" "PL" "50.0647" "19.9450" 60;
    "Ostrava" "Moravskoslezsky Kraj" "CZ" "49.8209" "18.2625" 60;
    "Thessaloniki" "Thessaloniki" "GR" "40.6401" "22.9444" 120;
    "Ankara" "Ankara" "TR" "39.9334" "32.8597" 180;
    "Mombasa" "Mombasa" "KE" "-4.0435" "39.6682" 180;
    "Abuja" "Federal Capital Territory" "NG" "9.0765" "7.3986" 60;
    "Gqeberha" "Eastern Cape" "ZA" "-33.9608" "25.6022" 120;
    "Chennai" "Tamil Nadu" "IN" "13.0827" "80.2707" 330;
    "Surabaya" "Jawa Timur" "ID" "-7.2575" "112.7521" 420;
    "Cebu City" "Cebu" "PH" "10.3157" "123.8854" 480;
    "Busan" "Busan" "KR" "35.1796" "129.0756" 540;
    "Osaka" "Osaka" "JP" "34.6937" "135.5023" 540;
    "Melbourne" "Victoria" "AU" "-37.8136" "144.9631" 600;
    "Wellington" "Wellington" "NZ" "-41.2866" "174.7756" 720;
    "Boston" "Massachusetts" "US" "42.3601" "-71.0589" -300;
    "Detroit" "Michigan" "US" "42.3314" "-83.0458" -300;
    "Salt Lake City" "Utah" "US" "40.7608" "-111.8910" -420;
    "Portland" "Oregon" "US" "45.5152" "-122.6784" -480;
    "Montreal" "Quebec" "CA" "45.5017" "-73.5673" -300;
    "Guadalajara" "Jalisco" "MX" "20.6597" "-103.3496" -360;
    "Medellin" "Antioquia" "CO" "6.2442" "-75.5812" -300;
    "Trujillo" "La Libertad" "PE" "-8.1060" "-79.0330" -300;
    "Rio de Janeiro" "Rio de Janeiro" "BR" "-22.9068" "-43.1729" -180;
    "Cordoba" "Cordoba" "AR" "-31.4201" "-64.1888" -180;
}

/// Great-circle distance between two cities by their numbers, in kilometres.
pub(crate) fn distance_km(from: u8, to: u8) -> f64 {
    between_km(&CITIES[usize::from(from)], &CITIES[usize::from(to)])
}

/// Great-circle distance, in kilometres.
pub(crate) fn between_km(from: &City, to: &City) -> f64 {
    let radians = |text: &str| text.parse::<f64>().unwrap_or(0.0).to_radians();
    let (south, north) = (radians(from.latitude), radians(to.latitude));
    let half_height = ((north - south) / 2.0).sin();
    let half_width = ((radians(to.longitude) - radians(from.longitude)) / 2.0).sin();
    let chord = half_height.powi(2) + south.cos() * north.cos() * half_width.powi(2);
    2.0 * 6371.0 * chord.sqrt().min(1.0).asin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_are_numbers_and_distances_right() {
        for city in CITIES.iter().chain(GATEWAYS) {
            assert!(city.latitude.parse::<f64>().unwrap().abs() < 90.0, "{}", city.name);
            assert!(city.longitude.parse::<f64>().unwrap().abs() < 180.0, "{}", city.name);
            assert!(city.offset_minutes.abs() <= 720 && city.country.len() == 2);
        }
        let number = |name| CITIES.iter().position(|city| city.name == name).unwrap() as u8;
        let km = distance_km(number("New York"), number("London"));
        assert!((5500.0..5640.0).contains(&km), "{km}");
        assert_eq!(distance_km(3, 3), 0.0);
    }
}
