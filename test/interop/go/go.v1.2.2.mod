module interop

go 1.23

require (
	github.com/containerd/ttrpc v1.2.2
	github.com/golang/protobuf v1.5.0
	google.golang.org/genproto v0.0.0-20200224152610-e50cd9704f63
	google.golang.org/grpc v1.27.1
	google.golang.org/protobuf v1.36.12
)

require (
	github.com/sirupsen/logrus v1.8.1 // indirect
	golang.org/x/sys v0.1.0 // indirect
)
