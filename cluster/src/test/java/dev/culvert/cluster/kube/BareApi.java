// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.kube;

import dev.culvert.cluster.fake.FailingApi;
import dev.culvert.cluster.resource.KubeObject;
import dev.culvert.cluster.resource.ResourceKind;
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
import java.util.zip.GZIPInputStream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;

/** The reading half of the API on the JDK's HTTP client alone, to measure the library by. */
public final class BareApi extends FailingApi {
  private final HttpClient client;
  private final URI server;
  private final Path token;

  public BareApi(URI server, Path ca, Path token) throws IOException, GeneralSecurityException {
    KeyStore trusted = KeyStore.getInstance("PKCS12");
    trusted.load(null, null);
    try (InputStream in = Files.newInputStream(ca)) {
      for (Certificate c : CertificateFactory.getInstance("X.509").generateCertificates(in)) {
        trusted.setCertificateEntry("ca" + trusted.size(), c);
      }
    }
    TrustManagerFactory trust =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(trusted);
    SSLContext tls = SSLContext.getInstance("TLS");
    tls.init(null, trust.getTrustManagers(), null);
    this.client =
        HttpClient.newBuilder().sslContext(tls).connectTimeout(Duration.ofSeconds(5)).build();
    this.server = server;
    this.token = token;
  }

  private InputStream open(String path) throws KubeException {
    try {
      HttpRequest request =
          HttpRequest.newBuilder(URI.create(server + path))
              .header("Accept", "application/json")
              .header("Accept-Encoding", "gzip")
              .header("Authorization", "Bearer " + Files.readString(token).strip())
              .build();
      HttpResponse<InputStream> answer = client.send(request, BodyHandlers.ofInputStream());
      if (answer.statusCode() != 200) {
        throw new KubeException(answer.statusCode(), path, null, null);
      }
      boolean packed =
          answer.headers().firstValue("Content-Encoding").filter("gzip"::equals).isPresent();
      return packed ? new GZIPInputStream(answer.body(), 16_384) : answer.body();
    } catch (KubeException e) {
      throw e;
    } catch (IOException e) {
      throw new KubeException(KubeException.NO_ANSWER, path, null, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new KubeException(KubeException.NO_ANSWER, path, null, e);
    }
  }

  @Override
  public <T extends KubeObject> Page<T> list(ResourceKind<T> kind, ListQuery query)
      throws KubeException {
    ApiPath path = ApiPath.list(kind, query);
    try (InputStream in = open(path.text())) {
      return KubeJson.page(in, kind);
    } catch (KubeException e) {
      throw e;
    } catch (IOException e) {
      throw new KubeException(KubeException.NO_ANSWER, path.text(), null, e);
    }
  }

  @Override
  public <T extends KubeObject> WatchStream<T> watch(
      ResourceKind<T> kind,
      @Nullable String fieldSelector,
      String resourceVersion,
      Duration timeout)
      throws KubeException {
    ApiPath path = ApiPath.watch(kind, fieldSelector, resourceVersion, timeout);
    InputStream in = open(path.text());
    LineReader lines = new LineReader(in, 8 << 20);
    return new WatchStream<>() {
      @Override
      public @Nullable Change<T> next(Duration patience) throws KubeException {
        try {
          byte[] line = lines.next();
          if (line == null) {
            return null;
          }
          KubeJson.Event event = KubeJson.MAPPER.readValue(line, KubeJson.Event.class);
          Change.Type type = Change.Type.valueOf(String.valueOf(event.type()));
          T object = KubeJson.MAPPER.treeToValue(event.object(), kind.type());
          return new Change<>(
              type,
              type == Change.Type.BOOKMARK ? null : object,
              object.metadata().resourceVersion());
        } catch (IOException e) {
          throw new KubeException(KubeException.NO_ANSWER, path.text(), null, e);
        }
      }

      @Override
      public void close() {
        try {
          in.close();
        } catch (IOException e) {
          throw new java.io.UncheckedIOException(e);
        }
      }
    };
  }

  @Override
  public <T extends KubeObject> T get(ResourceKind<T> kind, String name) throws KubeException {
    try (InputStream in = open(kind.path(name, null))) {
      return KubeJson.MAPPER.readValue(in, kind.type());
    } catch (KubeException e) {
      throw e;
    } catch (IOException e) {
      throw new KubeException(KubeException.NO_ANSWER, name, null, e);
    }
  }

  @Override
  public void close() {
    client.shutdownNow();
  }
}
