// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench.cluster;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.culvert.lab.net.LabException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.Map;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** Speaks to an API server as an administrator, who may act in the name of every account. */
final class ServerApi implements AutoCloseable {
  static final String JSON = "application/json";
  static final String MERGE_PATCH = "application/merge-patch+json";

  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final String base;
  private final String token;
  private final HttpClient http;

  /**
   * @param authority the certificate of the authority that signed the server's
   * @param token of an administrator
   */
  ServerApi(String base, Path authority, String token) {
    this.base = base;
    this.token = token;
    http = HttpClient.newBuilder().sslContext(trusting(authority)).build();
  }

  private static SSLContext trusting(Path authority) {
    try (InputStream in = Files.newInputStream(authority)) {
      KeyStore trusted = KeyStore.getInstance("PKCS12");
      trusted.load(null, null);
      Certificate certificate = CertificateFactory.getInstance("X.509").generateCertificate(in);
      trusted.setCertificateEntry("authority", certificate);
      TrustManagerFactory trust =
          TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      trust.init(trusted);
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(null, trust.getTrustManagers(), null);
      return context;
    } catch (IOException | GeneralSecurityException e) {
      throw new LabException("cannot use " + authority + ": " + e.getMessage(), e);
    }
  }

  /**
   * Sends a request that must succeed.
   *
   * @param headers those of an impersonation, for example
   * @return the answer's body
   */
  byte[] send(String method, String path, String type, byte[] body, Map<String, String> headers) {
    HttpRequest.Builder request =
        request(path)
            .timeout(PATIENCE)
            .header("Content-Type", type)
            .method(method, HttpRequest.BodyPublishers.ofByteArray(body));
    headers.forEach(request::header);
    try {
      HttpResponse<byte[]> answer = http.send(request.build(), BodyHandlers.ofByteArray());
      return succeeded(method + " " + path, answer.statusCode(), answer.body());
    } catch (IOException e) {
      throw new LabException(method + " " + path + ": " + e, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LabException("interrupted", e);
    }
  }

  /** Begins a request whose answer goes on until it is closed. */
  InputStream stream(String path) {
    try {
      HttpResponse<InputStream> answer =
          http.send(request(path).build(), BodyHandlers.ofInputStream());
      if (answer.statusCode() / 100 != 2) {
        succeeded(path, answer.statusCode(), answer.body().readAllBytes());
      }
      return answer.body();
    } catch (IOException e) {
      throw new LabException(path + ": " + e, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LabException("interrupted", e);
    }
  }

  private HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create(base + path))
        .header("Accept", JSON)
        .header("Authorization", "Bearer " + token);
  }

  private static byte[] succeeded(String request, int code, byte[] body) {
    if (code / 100 != 2) {
      throw new LabException("%s: %d %s".formatted(request, code, new String(body, UTF_8)));
    }
    return body;
  }

  @Override
  public void close() {
    http.shutdownNow();
  }
}
