// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.observe;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.ObservabilityConfig.Tls;
import dev.culvert.tunnel.state.PrivateFile;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;

/**
 * The endpoint's certificate and key, as they were in their files. Two are equal if those did not
 * change.
 *
 * @param clientCas the certificates that sign readers'; empty: readers need none
 */
record ServerTls(List<X509Certificate> chain, PrivateKey key, List<X509Certificate> clientCas) {
  private static final int MAX_KEY_BYTES = 65_536;
  private static final String BEGIN = "-----BEGIN PRIVATE KEY-----";
  private static final String END = "-----END PRIVATE KEY-----";
  private static final List<String> ALGORITHMS = List.of("EC", "RSA", "EdDSA");

  ServerTls {
    chain = List.copyOf(chain);
    clientCas = List.copyOf(clientCas);
  }

  /**
   * Reads the files.
   *
   * @throws ConfigException that names the file that cannot be used
   */
  static ServerTls read(Tls tls) throws ConfigException {
    Path clientCa = tls.clientCa();
    ServerTls read =
        new ServerTls(
            certificates(tls.certificate()),
            privateKey(tls.key()),
            clientCa == null ? List.of() : certificates(clientCa));
    try {
      read.context();
    } catch (GeneralSecurityException | IOException e) {
      throw ConfigException.of(
          tls.key(), "is not the key of the first certificate in " + tls.certificate());
    }
    return read;
  }

  private static List<X509Certificate> certificates(Path file) throws ConfigException {
    try {
      List<X509Certificate> certificates = new ArrayList<>();
      byte[] text = Files.readAllBytes(file);
      for (Certificate certificate :
          CertificateFactory.getInstance("X.509")
              .generateCertificates(new ByteArrayInputStream(text))) {
        certificates.add((X509Certificate) certificate);
      }
      if (certificates.isEmpty()) {
        throw ConfigException.of(file, "holds no certificate");
      }
      return certificates;
    } catch (NoSuchFileException e) {
      throw ConfigException.of(file, "the file does not exist");
    } catch (IOException e) {
      throw ConfigException.of(file, "cannot be read: " + e.getMessage());
    } catch (GeneralSecurityException e) {
      throw ConfigException.of(file, "is not a certificate in PEM");
    }
  }

  private static PrivateKey privateKey(Path file) throws ConfigException {
    byte[] text = {};
    byte[] encoded = {};
    try {
      text = PrivateFile.read(file, MAX_KEY_BYTES);
      encoded = pkcs8(file, text);
      return decoded(file, encoded);
    } catch (PrivateFile.RefusedException e) {
      throw ConfigException.of(file, e.reason());
    } catch (NoSuchFileException e) {
      throw ConfigException.of(file, "the file does not exist");
    } catch (IOException e) {
      throw ConfigException.of(file, "cannot be read: " + e.getMessage());
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("the JDK has no key factory", e);
    } finally {
      Arrays.fill(text, (byte) 0);
      Arrays.fill(encoded, (byte) 0);
    }
  }

  private static PrivateKey decoded(Path file, byte[] encoded)
      throws ConfigException, GeneralSecurityException {
    for (String algorithm : ALGORITHMS) {
      PrivateKey key = decoded(algorithm, encoded);
      if (key != null) {
        return key;
      }
    }
    throw ConfigException.of(file, "is not a key of RSA, EC or EdDSA");
  }

  /** The key, or null if it is of another algorithm. */
  private static @Nullable PrivateKey decoded(String algorithm, byte[] encoded)
      throws GeneralSecurityException {
    try {
      return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(encoded));
    } catch (InvalidKeySpecException e) {
      return null;
    }
  }

  private static byte[] pkcs8(Path file, byte[] text) throws ConfigException {
    String pem = new String(text, US_ASCII);
    int begin = pem.indexOf(BEGIN);
    int end = pem.indexOf(END);
    if (begin < 0 || end < begin) {
      throw ConfigException.of(
          file, "is not a key in the form PKCS #8; convert it with: openssl pkcs8 -topk8 -nodes");
    }
    try {
      return Base64.getMimeDecoder().decode(pem.substring(begin + BEGIN.length(), end));
    } catch (IllegalArgumentException e) {
      throw ConfigException.of(file, "is not a key in PEM"); // the cause would quote the key
    }
  }

  SSLContext context() throws GeneralSecurityException, IOException {
    char[] none = {};
    KeyStore own = KeyStore.getInstance("PKCS12");
    own.load(null, none);
    own.setKeyEntry("own", key, none, chain.toArray(Certificate[]::new));
    KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    keys.init(own, none);
    KeyStore cas = KeyStore.getInstance("PKCS12");
    cas.load(null, none);
    for (X509Certificate ca : clientCas) {
      cas.setCertificateEntry("ca-" + cas.size(), ca);
    }
    TrustManagerFactory trust =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(cas);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
    return context;
  }

  boolean asksClients() {
    return !clientCas.isEmpty();
  }

  /** When the first certificate expires, in seconds since 1970. */
  long expiry() {
    return chain.getFirst().getNotAfter().toInstant().getEpochSecond();
  }

  @Override
  public String toString() {
    return "certificate of " + chain.getFirst().getSubjectX500Principal();
  }
}
