//! Authorities that are trusted besides the system's.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls_platform_verifier::Verifier;

/// The certificates in a PEM file.
pub(super) fn certificates(file: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, String> {
    let Some(path) = file else { return Ok(Vec::new()) };
    let said = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let pem = fs::read(path).map_err(|error| said(&error))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let certificates = certificates.map_err(|error| said(&error))?;
    if certificates.is_empty() {
        return Err(said(&"no certificate in it"));
    }
    Ok(certificates)
}

/// TLS as a client.
pub(super) fn client(ca_file: Option<&Path>) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let said = |error: rustls::Error| error.to_string();
    let roots = certificates(ca_file)?;
    let verifier = Verifier::new_with_extra_roots(roots, provider.clone()).map_err(said)?;
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().map_err(said)?;
    // The verifier is the platform's; the method is called so because it could be any.
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    Ok(builder.with_no_client_auth())
}
