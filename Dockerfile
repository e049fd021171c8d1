# The image of a sidecar: dist/ and the production dependencies on a slim Node image, without a compiler, and without root.
#   docker build -t spillway .
#   docker run -p 8080:8080 -p 127.0.0.1:9090:9090 -v "$PWD/tools.yaml:/etc/spillway/tools.yaml:ro" spillway

FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build

FROM node:24-slim AS production
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev

FROM node:24-slim
# Loopback of a container cannot be reached from outside, so both listeners bind to all addresses. Writing to the admin
# listener then needs SPILLWAY_ADMIN_TOKEN.
ENV NODE_ENV=production \
    SPILLWAY_LISTEN=0.0.0.0:8080 \
    SPILLWAY_ADMIN=0.0.0.0:9090
COPY package.json LICENSE /opt/spillway/
COPY --from=production /build/node_modules /opt/spillway/node_modules
COPY --from=build /build/dist /opt/spillway/dist
# Spillway reads tools.yaml from this folder; mount yours here.
WORKDIR /etc/spillway
USER node
EXPOSE 8080 9090
# SIGTERM starts the drain, which takes at most drainSeconds (25). SIGKILL must come later than that.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
  CMD ["node", "/opt/spillway/dist/main.js", "healthcheck"]
ENTRYPOINT ["node", "/opt/spillway/dist/main.js"]
