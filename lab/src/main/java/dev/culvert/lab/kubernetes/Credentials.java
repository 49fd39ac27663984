// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab.kubernetes;

import dev.culvert.lab.net.Commands;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;

/** Throw-away keys and certificates of a control plane, made by openssl. */
final class Credentials {
  private static final String DAYS = "30";
  private static final int TOKEN_BYTES = 16;

  private final StateFolder folder;
  private final String adminToken;

  /** A certificate with its key. */
  record Certificate(Path certificate, Path key) {}

  /** Makes an authority, the key that signs tokens, and the administrator's token. */
  Credentials(StateFolder folder) {
    this.folder = folder;
    byte[] random = new byte[TOKEN_BYTES];
    new SecureRandom().nextBytes(random);
    adminToken = HexFormat.of().formatHex(random);
    StateFolder.write(tokenFile(), adminToken + ",admin,admin,system:masters\n");
    List<String> authority = request("authority", "/CN=culvert-lab");
    run(authority);
    run(
        List.of(
            "openssl",
            "ecparam", // not genpkey: the API server reads the public key from this format only
            "-name",
            "prime256v1",
            "-genkey",
            "-noout",
            "-out",
            tokenKey().toString()));
  }

  Path authority() {
    return folder.resolve("authority.crt");
  }

  /** The key that signs the tokens of service accounts. */
  Path tokenKey() {
    return folder.resolve("tokens.key");
  }

  /** The tokens that the API server knows without having made them. */
  Path tokenFile() {
    return folder.resolve("tokens.csv");
  }

  String adminToken() {
    return adminToken;
  }

  /** The certificate of a server. */
  Certificate server(String name, Collection<String> addresses) {
    List<String> command = request(name, "/CN=" + name);
    command.addAll(
        List.of(
            "-addext",
            "subjectAltName=DNS:localhost,IP:" + String.join(",IP:", addresses),
            "-addext",
            "extendedKeyUsage=serverAuth"));
    return signed(name, command);
  }

  /** The certificate of a client. */
  Certificate client(String user, String group) {
    String name = user.replace(':', '-');
    List<String> command = request(name, "/O=" + group + "/CN=" + user);
    command.addAll(List.of("-addext", "extendedKeyUsage=clientAuth"));
    return signed(name, command);
  }

  private Certificate signed(String name, List<String> request) {
    request.addAll(List.of("-CA", authority().toString(), "-CAkey", key("authority").toString()));
    run(request);
    return new Certificate(folder.resolve(name + ".crt"), key(name));
  }

  private List<String> request(String name, String subject) {
    return new ArrayList<>(
        List.of(
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            DAYS,
            "-subj",
            subject,
            "-keyout",
            key(name).toString(),
            "-out",
            folder.resolve(name + ".crt").toString()));
  }

  private Path key(String name) {
    return folder.resolve(name + ".key");
  }

  private static void run(List<String> command) {
    Commands.run(command.toArray(String[]::new));
  }
}
