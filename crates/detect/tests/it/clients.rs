mod legacy_protocol;
