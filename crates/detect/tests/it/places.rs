mod anonymous_address;
mod atypical_travel;
mod concurrent_networks;
mod impossible_travel;
mod malicious_address;
mod new_country;
mod unexpected_country;
mod unfamiliar_properties;
