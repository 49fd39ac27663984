// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kubernetes;

/** CulvertNodes in JSON. */
final class CulvertNodes {
  static final String PATH = "/apis/culvert.dev/v1alpha1/culvertnodes";
  static final String KEY = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
  static final String OTHER_KEY = "AAIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
  static final String ACCEPT = "culvert.dev/accept-key";

  private CulvertNodes() {}

  static String owner(String node, String uid) {
    return """
        {"apiVersion": "v1", "kind": "Node", "name": "%s", "uid": "%s"}
        """
        .formatted(node, uid)
        .strip();
  }

  /**
   * A CulvertNode.
   *
   * @param owners none, or several with commas between them
   */
  static String claim(String name, String uid, String owners, String key) {
    return object(
        "\"name\": \"%s\", \"ownerReferences\": [%s]".formatted(name, owners),
        "\"nodeUID\": \"%s\", \"engine\": \"wireguard\", \"publicKey\": \"%s\", %s"
            .formatted(uid, key, "\"endpoints\": [\"192.0.2.1:51820\"]"));
  }

  static String object(String metadata, String spec) {
    return """
        {"apiVersion": "culvert.dev/v1alpha1", "kind": "CulvertNode",
         "metadata": {%s}, "spec": {%s}}
        """
        .formatted(metadata, spec);
  }

  /** A patch of the key. */
  static String key(String key) {
    return "{\"spec\": {\"publicKey\": \"%s\"}}".formatted(key);
  }

  /** A patch of an annotation. */
  static String annotation(String name, String value) {
    return "{\"metadata\": {\"annotations\": {\"%s\": \"%s\"}}}".formatted(name, value);
  }

  /** A patch of the owners. */
  static String owners(String owners) {
    return "{\"metadata\": {\"ownerReferences\": [%s]}}".formatted(owners);
  }

  /** A patch of the status. */
  static String accepted(String key) {
    return """
        {"status": {"phase": "Accepted", "publicKey": "%s", "ranges": ["10.42.1.0/24"]}}
        """
        .formatted(key);
  }
}
