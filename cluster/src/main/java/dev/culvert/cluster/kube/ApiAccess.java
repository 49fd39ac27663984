// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.kube;

import io.fabric8.kubernetes.client.Config;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The servers of the API, and the identity to show them.
 *
 * @param servers tried in turn; the certificate of each holds the host that is named here
 */
public record ApiAccess(List<URI> servers, Config config) {
  private static final Path SERVICE_ACCOUNT =
      Path.of("/var/run/secrets/kubernetes.io/serviceaccount");
  private static final int MAX_TOKEN = 64 * 1024;
  private static final int CONNECT_MILLIS = 5_000;

  public ApiAccess {
    if (servers.isEmpty()) {
      throw new IllegalArgumentException("no address of an API server is known");
    }
    servers = List.copyOf(servers);
    for (URI server : servers) {
      if (server.getHost() == null
          || !("https".equals(server.getScheme()) || "http".equals(server.getScheme()))) {
        throw new IllegalArgumentException(
            "not an API server, such as https://192.0.2.1:6443: " + server);
      }
    }
    config.setConnectionTimeout(CONNECT_MILLIS);
    // The follower decides when to ask again.
    config.setRequestRetryBackoffLimit(0);
    config.setUserAgent("culvert");
    config.setMasterUrl(servers.getFirst().toString());
  }

  /**
   * In a pod: the token and the certificates that the kubelet keeps fresh there.
   *
   * @throws IOException if this is no pod with a service account
   */
  public static ApiAccess inCluster(List<URI> servers) throws IOException {
    return inCluster(servers, SERVICE_ACCOUNT);
  }

  static ApiAccess inCluster(List<URI> servers, Path account) throws IOException {
    Path ca = account.resolve("ca.crt");
    Path token = account.resolve("token");
    for (Path file : List.of(ca, token)) {
      if (!Files.isReadable(file)) {
        throw new IOException(
            unreadable(file) + ": give a kubeconfig, or run in a pod with a service account");
      }
    }
    return withToken(servers.isEmpty() ? List.of(service()) : servers, ca, token);
  }

  private static URI service() throws IOException {
    String host = System.getenv("KUBERNETES_SERVICE_HOST");
    String port = System.getenv("KUBERNETES_SERVICE_PORT");
    if (host == null || port == null) {
      throw new IOException(
          "no address of an API server is known: name the control plane, or run in a pod");
    }
    return URI.create("https://" + (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":" + port);
  }

  /**
   * A token in a file, which is read anew for each request, since tokens of pods last for an hour.
   *
   * @param ca certificates, in PEM, that sign those of the servers; null: those of the JDK
   */
  public static ApiAccess withToken(List<URI> servers, @Nullable Path ca, Path token) {
    for (URI server : servers) {
      if (!"https".equals(server.getScheme())) {
        throw new IllegalArgumentException("a token is not sent in clear to " + server);
      }
    }
    Config config = Config.empty();
    if (ca != null) {
      config.setCaCertFile(ca.toString());
    }
    config.setOauthTokenProvider(() -> token(token));
    return new ApiAccess(servers, config);
  }

  /** Without an identity, as through {@code kubectl proxy}. */
  public static ApiAccess anonymous(List<URI> servers) {
    return new ApiAccess(servers, Config.empty());
  }

  /**
   * As a file of kubectl says.
   *
   * @param servers in place of the one in the file, if there are any
   * @throws IOException if it cannot be read
   */
  public static ApiAccess kubeconfig(Path file, List<URI> servers) throws IOException {
    if (!Files.isReadable(file)) {
      throw new IOException("the kubeconfig " + unreadable(file));
    }
    Config config;
    try {
      config = Config.fromKubeconfig(file.toFile());
    } catch (RuntimeException e) {
      // Of the YAML parser too. The cause may hold a part of the file, and with it a key.
      throw new IOException(file + " is not a kubeconfig");
    }
    return new ApiAccess(servers.isEmpty() ? List.of(server(config)) : servers, config);
  }

  private static String unreadable(Path file) {
    return file + (Files.exists(file) ? " cannot be read by this user" : " does not exist");
  }

  /** The server of a kubeconfig, without the slash at its end that the library adds. */
  private static URI server(Config config) {
    return URI.create(config.getMasterUrl().replaceFirst("/+$", ""));
  }

  private static String token(Path file) {
    byte[] bytes;
    try {
      bytes = Files.readAllBytes(file);
    } catch (IOException e) {
      throw new UncheckedIOException("the token " + file + " cannot be read", e);
    }
    String token = new String(bytes, StandardCharsets.US_ASCII).strip();
    if (token.isEmpty()
        || bytes.length > MAX_TOKEN
        || !token.chars().allMatch(ApiAccess::visible)) {
      throw new UncheckedIOException(new IOException("the token " + file + " is not one"));
    }
    return token;
  }

  private static boolean visible(int c) {
    return c > ' ' && c < 0x7f;
  }

  /** Without the configuration, which holds secrets. */
  @Override
  public String toString() {
    return servers.stream().map(URI::toString).collect(Collectors.joining(", "));
  }
}
