/** A certificate for localhost, signed by itself and trusted by the bench alone, which keeps no secrets: so its key may be here. P-256, as most of the web has. */
export const cert = `-----BEGIN CERTIFICATE-----
MIIBlTCCATugAwIBAgIUStr+5Oo10v4SQ/aa27kpjP3R09kwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTE1MTMwN1oYDzIxMjYxMDI4
MTUxMzA3WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQzEXF+jJy3smIwWX8bba7mSQRB+kfkZhDxEtnG8q9OFjkMY9O6QIoE
PS5EMb7MC5/PFpeonRQi60RIhSqovDUdo2kwZzAdBgNVHQ4EFgQUU+lhxCZCRvPr
HUOAAKwuaD9tBc8wHwYDVR0jBBgwFoAUU+lhxCZCRvPrHUOAAKwuaD9tBc8wDwYD
VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwID
SAAwRQIgEwTViaz4FcnjJwEY3dWHkOxA2+36Huls8JXi6Cq4oLICIQC73G5zDbi8
b4UJB9HAqu87G9zjqOQAeI/ogCwhNTX8Hw==
-----END CERTIFICATE-----
`;

export const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgP/9Bg+T7mwnfdovX
lzUI2QKnJVEl3okMzwlXNXYT2ouhRANCAAQzEXF+jJy3smIwWX8bba7mSQRB+kfk
ZhDxEtnG8q9OFjkMY9O6QIoEPS5EMb7MC5/PFpeonRQi60RIhSqovDUd
-----END PRIVATE KEY-----
`;
